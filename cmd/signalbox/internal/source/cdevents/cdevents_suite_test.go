package cdevents_test

import (
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/cdevents"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload/payloadtest"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
)

func TestCDEvents(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "CDEvents")
}

// TestFixtures compares what is decoded of recorded events with files that are checked by
// hand.
func TestFixtures(t *testing.T) {
	payloadtest.Golden(t, cdevents.Decode, payloadtest.Load(t, "testdata"))
}

func TestMutatedFixtures(t *testing.T) {
	payloadtest.Mutate(t, cdevents.Decode, payloadtest.Load(t, "testdata"))
}

// FuzzDecode decodes arbitrary bodies.
func FuzzDecode(f *testing.F) {
	for _, fixture := range payloadtest.Load(f, "testdata") {
		f.Add(fixture.Header.Get("Content-Type"), fixture.Header.Get("ce-type"), fixture.Body)
	}
	f.Fuzz(func(t *testing.T, contentType, eventType string, body []byte) {
		d, err := cdevents.Decode(map[string][]string{"Content-Type": {contentType}, "Ce-Type": {eventType}}, body)
		if err != nil {
			return
		}
		for _, problem := range payloadtest.Problems(d) {
			t.Error(problem)
		}
	})
}

// values are new values of fields of a fixture, by their paths.
type values = map[string]any

// decode decodes a fixture with other values.
func decode(fixture string, v values) payload.Delivery {
	GinkgoHelper()
	return payloadtest.Decode(cdevents.Decode).With(GinkgoTB(), "testdata/"+fixture, v)
}

// change decodes a fixture with other values, and returns its only change.
func change(fixture string, v values) tracker.Change {
	GinkgoHelper()
	return payloadtest.Decode(cdevents.Decode).Change(GinkgoTB(), "testdata/"+fixture, v)
}
