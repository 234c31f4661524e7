package gitea_test

import (
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/gitea"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload/payloadtest"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
)

func TestGitea(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "Gitea")
}

// values are new values of fields of a fixture, by their paths.
type values = map[string]any

// decode decodes a fixture with other values.
func decode(fixture string, v values) payload.Delivery {
	GinkgoHelper()
	return payloadtest.Decode(gitea.Decode).With(GinkgoTB(), "testdata/"+fixture, v)
}

// change decodes a fixture with other values, and returns its only change.
func change(fixture string, v values) tracker.Change {
	GinkgoHelper()
	return payloadtest.Decode(gitea.Decode).Change(GinkgoTB(), "testdata/"+fixture, v)
}
