package main

import (
	"os"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// The test binary runs as signalbox if the environment variable runAsSignalbox is set,
// so that tests need not build another binary.
const runAsSignalbox = "TEST_RUN_AS_SIGNALBOX"

func TestMain(m *testing.M) {
	if os.Getenv(runAsSignalbox) != "" {
		main()
	}
	os.Exit(m.Run())
}

func TestSignalbox(t *testing.T) {
	RegisterFailHandler(Fail)
	SetDefaultEventuallyTimeout(20 * time.Second)
	RunSpecs(t, "Signalbox")
}
