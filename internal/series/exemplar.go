package series

import (
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"
)

// An Exemplar is one observation of a histogram, with labels that identify its origin,
// such as a build or a trace. It is immutable.
type Exemplar struct {
	Labels string  // in OpenMetrics syntax, without the braces; never empty
	Value  float64 // the observed value
	At     Instant // the time of the observation
	Bucket int     // index of its bucket; the +Inf bucket is the last
}

// ExemplarLabels are the labels of an exemplar.
type ExemplarLabels struct {
	Names []string // distinct
	From  []uint8  // for each name, the index of its value in Values.All
}

// exemplarAge is how long a bucket keeps its exemplar. A scrape sees only one exemplar
// of each bucket, so creating one for every observation would waste memory.
const exemplarAge = Instant(time.Second)

// MaxExemplarRunes is the maximum total number of characters in the names and values of
// an exemplar's labels, as defined by OpenMetrics.
const MaxExemplarRunes = 128

// exemplars are the exemplars of a histogram. Updates replace them and scrapes read
// them, both without locks.
type exemplars struct {
	buckets []atomic.Pointer[Exemplar]
}

// updateExemplar makes the observation the exemplar of its bucket if the bucket has
// none or an old one, and if the labels of the observation are valid for an exemplar.
func (f *Family) updateExemplar(h *histogram, v float64, bucket int, values *Values, now Instant) {
	all := h.exemplars.Load()
	var old *Exemplar
	if all != nil {
		old = all.buckets[bucket].Load()
	}
	// Because of the last condition, an exemplar from before the clock was set back is
	// replaced.
	if old != nil && now-old.At < exemplarAge && old.At-now < exemplarAge {
		return
	}
	labels := values.exemplarLabels()
	if labels == "" {
		return
	}
	if all == nil {
		h.exemplars.CompareAndSwap(nil, &exemplars{make([]atomic.Pointer[Exemplar], len(f.bounds)+1)})
		all = h.exemplars.Load()
	}
	if !f.hasExemplars.Load() {
		f.hasExemplars.Store(true)
	}
	// If it fails, a concurrent update has set an exemplar that is just as good.
	all.buckets[bucket].CompareAndSwap(old, &Exemplar{labels, v, now, bucket})
}

// exemplarLabels returns the text of the exemplar's labels. It returns an empty string
// if all of their values are empty, or if they are not valid for an exemplar.
func (vs *Values) exemplarLabels() string {
	runes := 0
	labels := make([]Label, 0, 8)
	for i, from := range vs.Exemplar.From {
		name, value := vs.Exemplar.Names[i], vs.All[from]
		if value == "" {
			continue
		}
		runes += utf8.RuneCountInString(name) + utf8.RuneCountInString(value)
		if runes > MaxExemplarRunes || !IsExemplarValue(value) {
			return ""
		}
		labels = append(labels, Label{name, value})
	}
	if len(labels) == 0 {
		return ""
	}
	return LabelText(labels)
}

// IsExemplarValue reports whether an exemplar can have a label with the value, unless it
// is too long. Prometheus cannot read an OpenMetrics page that contains NUL there,
// although it is valid UTF-8, and although it can in labels of samples.
func IsExemplarValue(value string) bool {
	return utf8.ValidString(value) && strings.IndexByte(value, 0) < 0
}

// HasExemplars reports whether any series of the family ever had an exemplar.
func (f *Family) HasExemplars() bool { return f.hasExemplars.Load() }

// AppendExemplars appends the exemplars of a histogram, in the order of its buckets. A
// Snapshot taken afterwards includes all of these observations.
func (f *Family) AppendExemplars(to []*Exemplar, s *Series) []*Exemplar {
	all := s.histogram.exemplars.Load()
	if all == nil {
		return to
	}
	for i := range all.buckets {
		if e := all.buckets[i].Load(); e != nil {
			to = append(to, e)
		}
	}
	return to
}
