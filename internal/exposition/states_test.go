package exposition

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/signalbox-ci/signalbox/internal/series"
)

var statusOptions = series.FamilyOptions{Name: "job_status", Help: "Status of jobs.", Type: series.Gauge,
	Labels: []string{"job", "status", "zone"}, IdleTTL: time.Millisecond,
	States: &series.States{Label: "status", Values: []string{"failed", "pending", "running"}}}

// checkOneState returns an error if one of the jobs on a page lacks a sample for one of
// the states, or is not in exactly one state, the first or the last.
func checkOneState(page string, as expfmt.Format, states []string) error {
	var families []*dto.MetricFamily
	if as.FormatType() == expfmt.TypeProtoDelim {
		for decoder := expfmt.NewDecoder(strings.NewReader(page), as); ; {
			mf := &dto.MetricFamily{}
			if err := decoder.Decode(mf); err == io.EOF {
				break
			} else if err != nil {
				return err
			}
			families = append(families, mf)
		}
	} else {
		parser := expfmt.NewTextParser(model.LegacyValidation)
		byName, err := parser.TextToMetricFamilies(strings.NewReader(strings.TrimSuffix(page, "# EOF\n")))
		if err != nil {
			return err
		}
		for _, mf := range byName {
			families = append(families, mf)
		}
	}
	current, samples := map[string]string{}, map[string]int{}
	for _, mf := range families {
		for _, m := range mf.Metric {
			job := m.Label[0].GetValue()
			samples[job]++
			switch v := m.Gauge.GetValue(); {
			case v == 1:
				current[job] += m.Label[1].GetValue()
			case v != v: // the series was removed during the scrape
				current[job] = "removed"
			}
		}
	}
	for job, n := range samples {
		if n != len(states) {
			return fmt.Errorf("job %s has %d samples", job, n)
		}
		if got := current[job]; got != "removed" && got != states[0] && got != states[n-1] {
			return fmt.Errorf("job %s is in the states %q", job, got)
		}
	}
	return nil
}

var _ = Describe("A family with states", func() {
	It("has a sample for each state, in the order of the other labels", func() {
		store := newStore(series.Label{Name: "node", Value: "n"})
		f := add(store, statusOptions)
		update(f, series.Set, 2, "unit", "a")
		update(f, series.Set, 3, "unit", "b")
		Expect(written(Page{Store: store}, textFormat)).To(Equal(`# HELP job_status Status of jobs.
# TYPE job_status gauge
job_status{job="unit",node="n",status="failed",zone="a"} 0
job_status{job="unit",node="n",status="pending",zone="a"} 1
job_status{job="unit",node="n",status="running",zone="a"} 0
job_status{job="unit",node="n",status="failed",zone="b"} 0
job_status{job="unit",node="n",status="pending",zone="b"} 0
job_status{job="unit",node="n",status="running",zone="b"} 1
`))
		Expect(checkStrict(written(Page{Store: store}, openMetricsFormat))).To(Succeed())
	})

	It("shows exactly one current state in all formats while states change and series expire", func(ctx SpecContext) {
		store := series.NewStore(series.Options{})
		options := statusOptions
		options.States = &series.States{Label: "status"}
		for i := range 60 { // many states take long to write
			options.States.Values = append(options.States.Values, fmt.Sprintf("s%02d", i))
		}
		f := add(store, options)
		var updating, writing sync.WaitGroup
		var stop atomic.Bool
		for range 2 {
			updating.Go(func() {
				for n := 0; !stop.Load(); n++ {
					first, last := 1.0, float64(len(options.States.Values))
					for _, state := range []float64{first, last} {
						f.Update(series.Set, series.Plain(fmt.Sprint(n%3), "z"), "", state, store.Clock().Now())
					}
				}
			})
		}
		formats := []expfmt.Format{textFormat, openMetricsFormat, protobufFormat}
		errs := make([]error, len(formats))
		for i, format := range formats {
			writing.Go(func() {
				for n := 0; n < 200 && errs[i] == nil && ctx.Err() == nil; {
					var b bytes.Buffer
					if errs[i] = (&Page{Store: store}).Write(&b, format); errs[i] == nil {
						errs[i] = checkOneState(b.String(), format, options.States.Values)
					}
					if b.Len() < 1000 {
						runtime.Gosched() // the last sweep removed all series
						continue
					}
					if n++; n%10 == 0 {
						store.Sweep(store.Clock().Tick(), 0)
					}
				}
			})
		}
		writing.Wait()
		stop.Store(true)
		updating.Wait()
		for i, format := range formats {
			Expect(errs[i]).NotTo(HaveOccurred(), "%s", format)
		}
	}, SpecTimeout(time.Minute))
})
