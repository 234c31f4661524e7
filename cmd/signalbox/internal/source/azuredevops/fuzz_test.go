package azuredevops_test

import (
	"testing"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/azuredevops"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload/payloadtest"
)

// FuzzDecode decodes arbitrary bodies.
func FuzzDecode(f *testing.F) {
	for _, fixture := range payloadtest.Load(f, "testdata") {
		f.Add(fixture.Body)
	}
	f.Add([]byte(`{"eventType":"ms.vss-pipelines.job-state-changed-event","resource":{"job":{"id":1,"state":"waiting"},"run":{"id":"1"},"pipeline":{"folder":"\\a\\"},"repositories":[null,{"url":"%zz"}]}}`))
	f.Add([]byte(`{"eventType":"build.complete","resource":{"id":1,"status":"x","sourceGetVersion":"LG::","url":"https://api.github.com/repos/_git/"}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		d, err := azuredevops.Decode(nil, body)
		if err != nil {
			return
		}
		for _, problem := range payloadtest.Problems(d) {
			t.Error(problem)
		}
	})
}
