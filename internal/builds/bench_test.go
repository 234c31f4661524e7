package builds_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/signalbox-ci/signalbox/internal/builds"
)

// BenchmarkOverview builds and encodes the section with the most pipelines, each with 30
// runs in the last hour.
func BenchmarkOverview(b *testing.B) {
	o := newObserver(builds.Options{})
	random := rand.New(rand.NewPCG(1, 2))
	for i := range builds.MaxPipelines {
		repository := fmt.Sprintf("octo-org/repository-%d", i)
		for run := range 30 {
			o.finish(fmt.Sprint(run), builds.Results()[random.IntN(3)], random.ExpFloat64()*600, "repository", repository)
			o.emit("ci run queue time", random.ExpFloat64()*60, with(unit, "repository", repository))
		}
	}
	for b.Loop() {
		encoded, err := json.Marshal(o.overview())
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(len(encoded)), "B")
	}
}
