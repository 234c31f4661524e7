package circleci_test

import (
	"net/http"
	"testing"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/circleci"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload/payloadtest"
)

// FuzzDecode decodes arbitrary bodies.
func FuzzDecode(f *testing.F) {
	for _, fixture := range payloadtest.Load(f, "testdata") {
		f.Add("", fixture.Body)
	}
	f.Add("job-completed", []byte(`{"job":{"id":1,"status":"x","number":"1"},"workflow":{"url":"%zz","id":null}}`))
	f.Add("workflow-completed", []byte(`{"type":"","workflow":{"id":"1","status":"success","created_at":0},"pipeline":[]}`))
	f.Fuzz(func(t *testing.T, event string, body []byte) {
		d, err := circleci.Decode(http.Header{"Circleci-Event-Type": {event}}, body)
		if err != nil {
			return
		}
		for _, problem := range payloadtest.Problems(d) {
			t.Error(problem)
		}
	})
}
