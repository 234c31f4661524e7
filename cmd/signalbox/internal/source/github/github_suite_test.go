package github_test

import (
	"net/http"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/github"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload/payloadtest"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
)

func TestGitHub(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "GitHub")
}

// values are new values of fields of a fixture, by their paths.
type values = map[string]any

// decode decodes a fixture with other values.
func decode(fixture string, v values) payload.Delivery {
	GinkgoHelper()
	return payloadtest.Decode(github.Decode).With(GinkgoTB(), "testdata/"+fixture, v)
}

// change decodes a fixture with other values, and returns its only change.
func change(fixture string, v values) tracker.Change {
	GinkgoHelper()
	return payloadtest.Decode(github.Decode).Change(GinkgoTB(), "testdata/"+fixture, v)
}

func header(event string) http.Header { return http.Header{"X-Github-Event": {event}} }
