package main

import (
	"os"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// runAsSignalbox is set in the environment of the test binary to have it be signalbox:
// so there is no other binary to build.
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
