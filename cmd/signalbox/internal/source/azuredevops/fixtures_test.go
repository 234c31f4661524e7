package azuredevops_test

import (
	"testing"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/azuredevops"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload/payloadtest"
)

// TestFixtures compares what is decoded of the recorded webhooks with files that are
// checked by hand.
func TestFixtures(t *testing.T) {
	payloadtest.Golden(t, azuredevops.Decode, payloadtest.Load(t, "testdata"))
}

func TestMutatedFixtures(t *testing.T) {
	payloadtest.Mutate(t, azuredevops.Decode, payloadtest.Load(t, "testdata"))
}
