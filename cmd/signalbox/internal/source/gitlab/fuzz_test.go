package gitlab_test

import (
	"net/http"
	"testing"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/gitlab"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload/payloadtest"
)

// FuzzDecode decodes arbitrary bodies.
func FuzzDecode(f *testing.F) {
	for _, fixture := range payloadtest.Load(f, "testdata") {
		f.Add(fixture.Header.Get("X-Gitlab-Event"), fixture.Header.Get("X-Gitlab-Instance"), fixture.Body)
	}
	f.Add("Job Hook", "%zz", []byte(`{"build_id":"1","build_status":"success","build_name":": [] 1/2","build_duration":1e400,"runner":null}`))
	f.Fuzz(func(t *testing.T, event, instance string, body []byte) {
		d, err := gitlab.Decode(http.Header{"X-Gitlab-Event": {event}, "X-Gitlab-Instance": {instance}}, body)
		if err != nil {
			return
		}
		for _, problem := range payloadtest.Problems(d) {
			t.Error(problem)
		}
	})
}
