package jenkins_test

import (
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/jenkins"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload/payloadtest"
)

func TestJenkins(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "Jenkins")
}

// values are new values of fields of a fixture, by their paths.
type values = map[string]any

// decode decodes a fixture with other values.
func decode(fixture string, v values) payload.Delivery {
	GinkgoHelper()
	return payloadtest.Decode(jenkins.Decode).With(GinkgoTB(), "testdata/"+fixture, v)
}
