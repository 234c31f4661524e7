package jenkins_test

import (
	"net/http"
	"testing"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/jenkins"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload/payloadtest"
)

// FuzzDecode decodes arbitrary notifications and events.
func FuzzDecode(f *testing.F) {
	for _, fixture := range payloadtest.Load(f, "testdata") {
		f.Add(fixture.Header.Get("Ce-Type"), fixture.Body)
	}
	f.Add("", []byte(`{"url":"job/%/x=y/","build":{"phase":"COMPLETED","status":"?","number":"1","duration":1e400,"timestamp":-1,"scm":{"url":"a:b"}}}`))
	f.Fuzz(func(t *testing.T, eventType string, body []byte) {
		d, err := jenkins.Decode(http.Header{"Ce-Type": {eventType}}, body)
		if err != nil {
			return
		}
		for _, problem := range payloadtest.Problems(d) {
			t.Error(problem)
		}
	})
}
