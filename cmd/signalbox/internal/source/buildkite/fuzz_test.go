package buildkite_test

import (
	"net/http"
	"testing"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/buildkite"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload/payloadtest"
)

// FuzzDecode decodes arbitrary bodies.
func FuzzDecode(f *testing.F) {
	for _, fixture := range payloadtest.Load(f, "testdata") {
		f.Add(fixture.Header.Get("X-Buildkite-Event"), fixture.Body)
	}
	f.Add("job.finished", []byte(`{"job":{"id":1,"type":"script","state":"finished","exit_status":1e400,"agent_query_rules":["queue=","="]},"build":{},"pipeline":{"repository":":"}}`))
	f.Add("", []byte(`{"detail-type":"Build Finished","id":"1","detail":{"build":{"uuid":"1","state":"x"},"organization":null}}`))
	f.Fuzz(func(t *testing.T, event string, body []byte) {
		d, err := buildkite.Decode(http.Header{"X-Buildkite-Event": {event}}, body)
		if err != nil {
			return
		}
		for _, problem := range payloadtest.Problems(d) {
			t.Error(problem)
		}
	})
}
