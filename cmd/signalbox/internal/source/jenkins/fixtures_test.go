package jenkins_test

import (
	"testing"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/jenkins"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload/payloadtest"
)

// TestFixtures compares what is decoded of the recorded notifications and events with
// files that are checked by hand.
func TestFixtures(t *testing.T) {
	payloadtest.Golden(t, jenkins.Decode, payloadtest.Load(t, "testdata"))
}

func TestMutatedFixtures(t *testing.T) {
	payloadtest.Mutate(t, jenkins.Decode, payloadtest.Load(t, "testdata"))
}
