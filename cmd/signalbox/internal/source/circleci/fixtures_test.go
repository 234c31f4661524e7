package circleci_test

import (
	"testing"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/circleci"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload/payloadtest"
)

// TestFixtures compares what is decoded of the recorded webhooks with files that are
// checked by hand.
func TestFixtures(t *testing.T) {
	payloadtest.Golden(t, circleci.Decode, payloadtest.Load(t, "testdata"))
}

func TestMutatedFixtures(t *testing.T) {
	payloadtest.Mutate(t, circleci.Decode, payloadtest.Load(t, "testdata"))
}
