package series

import (
	"sync/atomic"
	"time"
	"unicode/utf8"
)

// An Exemplar is one observation of a histogram, told from the others by labels of
// its own: that of one build, or one trace. It is never changed.
type Exemplar struct {
	Labels string  // as OpenMetrics writes them between the braces; never empty
	Value  float64 // what was observed
	At     Instant // when
	Bucket int     // index of the bucket that it is in; that of +Inf is the last
}

// ExemplarLabels say what an exemplar's labels are called, and where among all of a
// series' Values theirs are. Names are distinct.
type ExemplarLabels struct {
	Names []string
	From  []uint8
}

// exemplarAge is how long a bucket keeps its exemplar. A scrape sees one of all that
// there were since the last: making each of them would cost memory for nothing.
const exemplarAge = Instant(time.Second)

// MaxExemplarRunes is how many characters the names and values of an exemplar's
// labels may have together, as OpenMetrics has it.
const MaxExemplarRunes = 128

// exemplars are those of a histogram. Updates replace them, scrapes read them, and
// nobody waits for anybody.
type exemplars struct {
	buckets []atomic.Pointer[Exemplar]
}

// exemplify makes the observation the exemplar of its bucket, if that has none or
// an old one, and if the observation has labels that an exemplar can have.
func (f *Family) exemplify(h *histogram, v float64, bucket int, values *Values, now Instant) {
	all := h.exemplars.Load()
	var old *Exemplar
	if all != nil {
		old = all.buckets[bucket].Load()
	}
	// A clock that was set back must not keep an exemplar for longer.
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
	// If another one came first, that is as good.
	all.buckets[bucket].CompareAndSwap(old, &Exemplar{labels, v, now, bucket})
}

// exemplarLabels are the labels of the values' exemplar; empty if there is none.
func (vs *Values) exemplarLabels() string {
	runes := 0
	labels := make([]Label, 0, 8)
	for i, from := range vs.Exemplar.From {
		name, value := vs.Exemplar.Names[i], vs.All[from]
		if value == "" {
			continue
		}
		runes += utf8.RuneCountInString(name) + utf8.RuneCountInString(value)
		if runes > MaxExemplarRunes || !utf8.ValidString(value) {
			return ""
		}
		labels = append(labels, Label{name, value})
	}
	if len(labels) == 0 {
		return ""
	}
	return LabelText(labels)
}

// HasExemplars tells whether any of the family's series ever had an exemplar.
func (f *Family) HasExemplars() bool { return f.hasExemplars.Load() }

// AppendExemplars appends the exemplars of a series of a family of histograms, in
// the order of their buckets. A Snapshot that is taken after it counts all of them.
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
