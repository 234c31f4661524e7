package drone_test

import (
	"net/http"
	"testing"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/drone"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload/payloadtest"
)

// FuzzDecode decodes arbitrary bodies.
func FuzzDecode(f *testing.F) {
	for _, fixture := range payloadtest.Load(f, "testdata") {
		f.Add(fixture.Body)
	}
	f.Add([]byte(`{"build":{"id":1,"status":"x","stages":[{"id":1,"status":"killed"},{"id":"","status":"success"},null]}}`))
	f.Add([]byte(`{"build":{"id":"","status":"running","stages":[{"id":1,"status":"running"}]}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		d, err := drone.Decode(http.Header{}, body)
		if err != nil {
			return
		}
		for _, problem := range payloadtest.Problems(d) {
			t.Error(problem)
		}
	})
}
