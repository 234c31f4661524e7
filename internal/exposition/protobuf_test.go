package exposition

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"google.golang.org/protobuf/proto"

	"github.com/signalbox-ci/signalbox/internal/series"
)

// gaugesInProtobuf returns a family of gauges with the label values, as the page has it
// and as client_golang encodes it.
func gaugesInProtobuf(constants []series.Label, names []string, values ...[]string) (page, library string, err error) {
	store := series.NewStore(series.Options{Constants: constants})
	f, err := store.AddFamily(series.FamilyOptions{Name: "m", Help: "H.", Type: series.Gauge, Labels: names})
	if err != nil {
		return "", "", err
	}
	for i, v := range values {
		if r := f.Update(series.Set, series.Plain(v...), "", float64(i)+0.5, store.Clock().Now()); r != series.OK {
			return "", "", fmt.Errorf("the update with the values %q is rejected: %v", v, r)
		}
	}
	var ours, theirs bytes.Buffer
	err = errors.Join((&Page{Store: store}).Write(&ours, protobufFormat), expfmt.NewEncoder(&theirs, protobufFormat).Encode(f.Gather()))
	return ours.String(), theirs.String(), err
}

func FuzzGaugesInProtobuf(f *testing.F) {
	f.Add("constant", "a", "b")
	f.Add(`"\`+"\n", `\`, "\n\"")
	f.Add("", "", "")
	f.Add(strings.Repeat("c", 200), strings.Repeat("a", 127), strings.Repeat(`"`, 128))
	f.Fuzz(func(t *testing.T, constant, a, b string) {
		if !utf8.ValidString(constant) || !utf8.ValidString(a) || !utf8.ValidString(b) {
			return // the store rejects them
		}
		constants := []series.Label{{Name: "b", Value: constant}}
		page, library, err := gaugesInProtobuf(constants, []string{"a", "c"}, []string{a, b}, []string{b, a + "x"})
		if err != nil {
			t.Fatal(err)
		}
		if page != library {
			t.Errorf("got %q, want %q", page, library)
		}
	})
}

var _ = Describe("Labels in protobuf", func() {
	// Around these lengths, the length of a value or of the message that contains it
	// needs another byte.
	lengths := []int{0, 1}
	for _, about := range []int{1 << 7, 1 << 14} {
		for n := about - 20; n <= about+5; n++ {
			lengths = append(lengths, n)
		}
	}

	DescribeTable("are encoded as by client_golang, whatever their lengths",
		func(names []string, constants ...series.Label) {
			for _, n := range lengths {
				for _, filler := range []string{"v", `\`, `"`} {
					values := make([]string, len(names))
					values[0] = strings.Repeat(filler, n)
					more := append([]string{strings.Repeat(filler, n/2)}, values[1:]...)
					more[len(more)-1] += strings.Repeat("w", n-n/2)
					page, library, err := gaugesInProtobuf(constants, names, values, more, make([]string, len(names)))
					Expect(err).NotTo(HaveOccurred())
					Expect(page == library).To(BeTrue(), "%d times %s", n, filler)
				}
			}
		},
		Entry("one label", []string{"a"}),
		Entry("several labels", []string{"a", "longer_name", "z"}),
		Entry("constant labels before, between and after", []string{"b", "d", "f"},
			series.Label{Name: "a", Value: "1"}, series.Label{Name: "c", Value: "\"\\\n"}, series.Label{Name: "e", Value: strings.Repeat("e", 130)}, series.Label{Name: "g"}),
		Entry("long names", []string{strings.Repeat("a", 130), strings.Repeat("b", 17_000)}),
	)

	It("are encoded without labels, or with only constant ones", func() {
		for _, constants := range [][]series.Label{nil, {{Name: "a", Value: `1"`}, {Name: "b"}}} {
			page, library, err := gaugesInProtobuf(constants, nil, nil)
			Expect(err).NotTo(HaveOccurred())
			Expect(page).To(Equal(library))
		}
	})

	It("are those of counters, too", func() {
		store := newStore(series.Label{Name: "b", Value: `\`})
		f := add(store, series.FamilyOptions{Name: "m_total", Help: "H.", Type: series.Counter, Labels: []string{"a", "c"}})
		for i, n := range []int{0, 90, 128, 20_000} {
			update(f, series.Add, float64(i), strings.Repeat("a", n), strings.Repeat("\n", n))
		}
		families := decode(written(Page{Store: store}, protobufFormat))
		Expect(families).To(HaveLen(1))
		want := f.Gather()
		Expect(families[0].Metric).To(HaveLen(len(want.Metric)))
		for i, m := range want.Metric {
			Expect(proto.Equal(families[0].Metric[i], m)).To(BeTrue(), "got %v, want %v", families[0].Metric[i], m)
		}
	})

	// The lengths that the first walk adds up must be those that the second walk writes,
	// although series are updated and swept in between.
	It("have the announced lengths while series are created and swept", func(ctx SpecContext) {
		store := series.NewStore(series.Options{OwnerLimit: time.Nanosecond})
		_, err := store.AddLastSeen("seen", "H.", "n")
		Expect(err).NotTo(HaveOccurred())
		label := func(n int) string { return fmt.Sprintf("%d%s", n, strings.Repeat([]string{"x", `"`, "\n"}[n%3], n)) }
		var families []*series.Family
		for _, typ := range []series.Type{series.Counter, series.Gauge} {
			families = append(families, add(store, series.FamilyOptions{
				Name: typ.String(), Type: typ, Labels: []string{"n"}, Ownership: series.Heartbeat,
			}))
		}
		var updating sync.WaitGroup
		var stop atomic.Bool
		for range 2 {
			updating.Go(func() {
				for n := 0; !stop.Load(); n++ {
					for i, f := range families {
						f.Update([]series.Op{series.Add, series.Set}[i], series.Plain(label(n%200)), label(n%200), 1, store.Clock().Tick())
					}
				}
			})
		}
		updating.Go(func() {
			for !stop.Load() {
				store.Sweep(store.Clock().Tick(), 0)
			}
		})
		stale := 0
		for pages := 0; (pages < 1000 || stale == 0) && err == nil && ctx.Err() == nil; pages++ {
			var b bytes.Buffer
			var n int
			err = (&Page{Store: store}).Write(&b, protobufFormat)
			n, e := checkLabels(&b)
			err = cmp.Or(err, e)
			stale += n
		}
		stop.Store(true)
		updating.Wait()
		Expect(err).NotTo(HaveOccurred())
		Expect(stale).To(BeNumerically(">", 0))
	}, SpecTimeout(time.Minute))
})

// checkLabels decodes a page. It returns the number of stale markers on it.
func checkLabels(page io.Reader) (stale int, err error) {
	for decoder := expfmt.NewDecoder(page, protobufFormat); ; {
		mf := &dto.MetricFamily{}
		switch err := decoder.Decode(mf); {
		case err == io.EOF:
			return stale, nil
		case err != nil:
			return 0, err
		}
		for _, m := range mf.Metric {
			var n int
			if _, err := fmt.Sscanf(m.Label[0].GetValue(), "%d", &n); err != nil || !strings.HasPrefix(m.Label[0].GetValue(), fmt.Sprint(n)) {
				return 0, fmt.Errorf("metric %s has the label %v", mf.GetName(), m.Label)
			}
			if math.IsNaN(m.GetCounter().GetValue() + m.GetGauge().GetValue()) {
				stale++
			}
		}
	}
}
