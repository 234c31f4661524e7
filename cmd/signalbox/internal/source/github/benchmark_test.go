package github_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/github"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload/payloadtest"
)

// BenchmarkDelivery verifies and decodes webhooks of several sizes.
func BenchmarkDelivery(b *testing.B) {
	known := secrets(b)[1:]
	for _, name := range []string{"workflow_job-life_a-3-completed-success", "workflow_job-completed-success", "workflow_job-queued-with-deployment-status-waiting", "workflow_run-completed-success"} {
		f := payloadtest.One(b, "testdata/"+name)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(f.Body)))
			b.ReportAllocs()
			r := &http.Request{Header: f.Header}
			for b.Loop() {
				if err := github.Verifier(known).Verify(r, f.Body, time.Time{}); err != nil {
					b.Fatal(err)
				}
				if _, err := github.Decode(f.Header, f.Body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
