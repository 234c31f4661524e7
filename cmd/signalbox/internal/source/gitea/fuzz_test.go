package gitea_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/gitea"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload/payloadtest"
)

// FuzzDecode decodes arbitrary bodies.
func FuzzDecode(f *testing.F) {
	for _, fixture := range payloadtest.Load(f, "testdata") {
		f.Add(fixture.Header.Get("X-Gitea-Event"), fixture.Body)
	}
	f.Add("workflow_job", []byte("payload="+url.QueryEscape(`{"action":"queued","workflow_job":{"id":1}}`)))
	f.Add("", []byte(`{"action":"completed","workflow_job":{"id":"1","conclusion":"x","name":" / (a) / "},"workflow_run":null}`))
	f.Add("", []byte(`{"run":{"id":1,"status":"x","prettyref":"#"},"job":{"id":1,"status":"success"}}`))
	f.Fuzz(func(t *testing.T, event string, body []byte) {
		d, err := gitea.Decode(http.Header{"X-Gitea-Event": {event}}, body)
		if err != nil {
			return
		}
		for _, problem := range payloadtest.Problems(d) {
			t.Error(problem)
		}
	})
}
