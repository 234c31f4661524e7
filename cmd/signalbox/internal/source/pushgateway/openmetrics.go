package pushgateway

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
)

// endOfOpenMetrics is the last line of a body in OpenMetrics.
const endOfOpenMetrics = "# EOF"

// endsAsOpenMetrics reports whether a text ends like OpenMetrics. White space at the end
// is not valid there, but it does not make OpenMetrics another format.
func endsAsOpenMetrics(text []byte) bool {
	rest, ok := bytes.CutSuffix(bytes.TrimRight(text, " \t\r\n"), []byte(endOfOpenMetrics))
	return ok && (len(rest) == 0 || rest[len(rest)-1] == '\n')
}

// An openType is how a type of OpenMetrics is pushed.
type openType struct {
	typ      dto.MetricType
	suffixes []string // suffixes of the names of its samples
	suffix   string   // that of the family's name, which in OpenMetrics has none
	exemplar string   // suffix of the samples that may have exemplars
	noUnit   bool
}

var openTypes = map[model.MetricType]openType{
	model.MetricTypeCounter:        {typ: dto.MetricType_COUNTER, suffixes: []string{"_total", "_created"}, suffix: "_total", exemplar: "_total"},
	model.MetricTypeGauge:          {typ: dto.MetricType_GAUGE, suffixes: []string{""}},
	model.MetricTypeHistogram:      {typ: dto.MetricType_HISTOGRAM, suffixes: []string{"_bucket", "_count", "_sum", "_created"}, exemplar: "_bucket"},
	model.MetricTypeGaugeHistogram: {typ: dto.MetricType_GAUGE_HISTOGRAM, suffixes: []string{"_bucket", "_gcount", "_gsum"}, exemplar: "_bucket"},
	model.MetricTypeSummary:        {typ: dto.MetricType_SUMMARY, suffixes: []string{"", "_count", "_sum", "_created"}},
	model.MetricTypeInfo:           {typ: dto.MetricType_GAUGE, suffixes: []string{"_info"}, suffix: "_info", noUnit: true},
	model.MetricTypeStateset:       {typ: dto.MetricType_GAUGE, suffixes: []string{""}, noUnit: true},
	model.MetricTypeUnknown:        {typ: dto.MetricType_UNTYPED, suffixes: []string{""}},
}

// An openMetrics decodes OpenMetrics 1.0. Prometheus' parser splits the text into
// samples but, for example, does not check that a counter is not negative. So an
// openMetrics makes the checks that the specification requires.
type openMetrics struct {
	families []*dto.MetricFamily
	taken    map[string]bool // names of samples of all families

	current *openFamily // nil before the first line
}

// An openFamily is the family to which the current line belongs.
type openFamily struct {
	*family
	name             string // in OpenMetrics
	typ              model.MetricType
	hasType, hasHelp bool
	hasUnit          bool
	hasSamples       bool
}

// decodeOpenMetrics decodes OpenMetrics 1.0. Info metrics and state sets become gauges.
func decodeOpenMetrics(text []byte) (families []*dto.MetricFamily, err error) {
	d := openMetrics{taken: make(map[string]bool)}
	parser := textparse.NewOpenMetricsParser(text, labels.NewSymbolTable())
	line := 0
	err = withRecover(func() error {
		for {
			line++ // each entry is one line
			entry, err := parser.Next()
			if err == io.EOF {
				return d.endFamily()
			}
			if err == nil {
				err = d.entry(entry, parser)
			}
			if err != nil {
				return err
			}
		}
	})
	if err != nil {
		return nil, &openMetricsError{line, err}
	}
	slices.SortFunc(d.families, byFamilyName)
	return d.families, nil
}

// An openMetricsError is an error in a line of a body.
type openMetricsError struct {
	line int
	err  error
}

func (e *openMetricsError) Unwrap() error { return e.err }

func (e *openMetricsError) Error() string {
	return fmt.Sprintf("OpenMetrics parsing error in line %d: %v", e.line, e.err)
}

func (d *openMetrics) entry(entry textparse.Entry, parser textparse.Parser) error {
	switch entry {
	case textparse.EntryHelp:
		name, help := parser.Help()
		if err := d.metadata(string(name), func(f *openFamily) *bool { return &f.hasHelp }); err != nil {
			return err
		}
		text := string(help)
		d.current.Help = &text
	case textparse.EntryType:
		name, typ := parser.Type()
		if err := d.metadata(string(name), func(f *openFamily) *bool { return &f.hasType }); err != nil {
			return err
		}
		d.current.typ = typ
	case textparse.EntryUnit:
		name, unit := parser.Unit()
		if len(unit) > 0 && !bytes.HasSuffix(name, append([]byte{'_'}, unit...)) {
			return fmt.Errorf("got unit %q, expected a suffix of the name %q", excerpt.Short(string(unit)), excerpt.Short(string(name)))
		}
		return d.metadata(string(name), func(f *openFamily) *bool { return &f.hasUnit })
	case textparse.EntrySeries:
		return d.series(parser)
	}
	return nil
}

// metadata makes the family with the name the current one. flag returns the flag that
// records the metadata, which must not be repeated.
func (d *openMetrics) metadata(name string, flag func(*openFamily) *bool) error {
	if d.current == nil || d.current.name != name {
		if err := d.begin(name); err != nil {
			return err
		}
	}
	switch has := flag(d.current); {
	case d.current.hasSamples:
		return errors.New("metadata after the samples of its metric")
	case *has:
		return errors.New("the metadata is duplicated")
	default:
		*has = true
		return nil
	}
}

// begin begins a family.
func (d *openMetrics) begin(name string) error {
	if err := d.endFamily(); err != nil {
		return err
	}
	d.current = &openFamily{family: newFamily(name, dto.MetricType_UNTYPED), name: name, typ: model.MetricTypeUnknown}
	return nil
}

// settle determines the names of the current family when its metadata is complete.
func (d *openMetrics) settle() error {
	f := d.current
	as := openTypes[f.typ]
	if as.noUnit && f.hasUnit {
		return contentError{fmt.Errorf("metric %s of type %s must not have a unit", excerpt.Short(f.name), f.typ)}
	}
	pushedName := f.name + as.suffix
	f.Name, f.Type = &pushedName, &as.typ
	names := map[string]bool{f.name: true}
	for _, suffix := range as.suffixes {
		names[f.name+suffix] = true
	}
	for name := range names {
		if d.taken[name] {
			return contentError{fmt.Errorf("the name %s is used by another metric, or the samples of a metric are not consecutive", excerpt.Short(name))}
		}
	}
	for name := range names {
		d.taken[name] = true
	}
	return nil
}

// endFamily ends the current family, if there is one.
func (d *openMetrics) endFamily() error {
	f := d.current
	if f == nil {
		return nil
	}
	if !f.hasSamples {
		return d.settle()
	}
	d.families = append(d.families, f.MetricFamily)
	return f.endPoint()
}

// infiniteBound matches an infinite label le, which OpenMetrics spells in one way only.
// The parser replaces it by that spelling.
var infiniteBound = regexp.MustCompile(`(?i)[{,]le="(\+?inf(?:inity)?)"`)

// series adds the sample of the current entry.
func (d *openMetrics) series(parser textparse.Parser) error {
	raw, _, v := parser.Series()
	if bytes.HasSuffix(raw, []byte(",}")) {
		return errors.New("unexpected comma after the last label")
	}
	if bytes.Contains(raw, []byte("_bucket")) {
		if m := infiniteBound.FindSubmatch(raw); m != nil && string(m[1]) != "+Inf" {
			return fmt.Errorf("label le: got %q, expected +Inf", m[1])
		}
	}
	var lset labels.Labels
	parser.Labels(&lset)
	if name, ok := lset.HasDuplicateLabelNames(); ok {
		return fmt.Errorf("label %s is duplicated", excerpt.Short(name))
	}
	name := lset.Get(model.MetricNameLabel)
	suffix, ok := d.suffix(name)
	if !ok {
		if err := d.checkCounter(name); err != nil {
			return err
		}
		if err := d.begin(name); err != nil {
			return err
		}
	}
	f := d.current
	if !f.hasSamples {
		if err := d.settle(); err != nil {
			return err
		}
		f.hasSamples = true
	}
	p, err := f.openPoint(lset, suffix)
	if err == nil {
		err = f.checkTime(p, suffix, parser)
	}
	if err == nil {
		var b *dto.Bucket
		if b, err = f.set(p, lset, suffix, v); err == nil {
			err = f.setExemplar(p, b, suffix, parser)
		}
	}
	if err != nil {
		return contentError{fmt.Errorf("metric %s: %w", excerpt.Short(name), err)}
	}
	return nil
}

// suffix returns the suffix that is added to the name of the current family to form the
// name of a sample. It returns false if the sample does not belong to that family.
func (d *openMetrics) suffix(name string) (suffix string, ok bool) {
	if d.current == nil {
		return "", false
	}
	suffix, ok = strings.CutPrefix(name, d.current.name)
	return suffix, ok && slices.Contains(openTypes[d.current.typ].suffixes, suffix)
}

// checkCounter returns an error if a sample has the name of the current family, which
// is a counter: in the text format, both have the same name.
func (d *openMetrics) checkCounter(name string) error {
	if d.current == nil || d.current.typ != model.MetricTypeCounter || d.current.name != name {
		return nil
	}
	base := excerpt.Short(strings.TrimSuffix(name, "_total"))
	return contentError{fmt.Errorf("got sample %s, expected %s_total after # TYPE %s counter", excerpt.Short(name), base, base)}
}

// openPoint returns the point of a sample. The samples of a point must be consecutive.
func (f *openFamily) openPoint(lset labels.Labels, suffix string) (*point, error) {
	except := reservedLabel(*f.Type)
	if except == model.QuantileLabel && suffix != "" || except == model.BucketLabel && suffix != "_bucket" {
		except = ""
	}
	last := f.last
	p := f.point(lset, except)
	if last == p || last == nil {
		return p, nil
	}
	if p.closed {
		return nil, errors.New("the samples with these labels are not consecutive")
	}
	f.last = last
	err := f.endPoint()
	f.last = p
	return p, err
}

// checkTime records the timestamp of a sample. A point that is a single sample may be
// repeated with later timestamps; each repetition becomes a metric of its own. Equal
// timestamps are valid, as in the tests of the OpenMetrics project: the parser rounds
// them to milliseconds. The Store rejects all timestamps.
func (f *openFamily) checkTime(p *point, suffix string, parser textparse.Parser) error {
	_, at, _ := parser.Series()
	single := p.hasTotal || p.Gauge != nil || p.Untyped != nil
	if suffix == "_created" || reservedLabel(*f.Type) != "" || !single {
		if at != nil {
			p.TimestampMs = at
		}
		return nil
	}
	if at == nil || p.TimestampMs == nil {
		return errDuplicate
	}
	if *at < *p.TimestampMs {
		return errors.New("the timestamps are not in order")
	}
	p.Metric = &dto.Metric{Label: p.Label, TimestampMs: at}
	f.Metric = append(f.Metric, p.Metric)
	return nil
}

// set sets the value of a sample. It returns its bucket, if it is one.
func (f *openFamily) set(p *point, lset labels.Labels, suffix string, v float64) (b *dto.Bucket, err error) {
	if suffix == "_created" {
		return nil, p.setCreated(f.typ, v)
	}
	switch f.typ {
	case model.MetricTypeCounter:
		p.hasTotal = true
		p.setValue(*f.Type, v)
		return nil, checkNotNegative("value", v)
	case model.MetricTypeInfo:
		if v != 1 {
			return nil, fmt.Errorf("got value %v, expected 1", v)
		}
	case model.MetricTypeStateset:
		if !lset.Has(f.name) {
			return nil, fmt.Errorf("the label %s is missing", excerpt.Short(f.name))
		}
		if v != 0 && v != 1 {
			return nil, fmt.Errorf("got value %v, expected 0 or 1", v)
		}
	}
	switch suffix {
	case "_bucket":
		if _, ok := integer(v); !ok {
			return nil, fmt.Errorf("got count %v, expected a non-negative integer", v)
		}
		return p.addBucket(lset, v)
	case "_count", "_gcount":
		if _, ok := integer(v); !ok {
			return nil, fmt.Errorf("got count %v, expected a non-negative integer", v)
		}
		return nil, p.setCount(*f.Type, v)
	case "_sum", "_gsum":
		if math.IsNaN(v) || suffix == "_sum" && v < 0 {
			return nil, checkNotNegative("sum", v)
		}
		return nil, p.setSum(*f.Type, v)
	}
	if f.typ == model.MetricTypeSummary {
		if v < 0 {
			return nil, checkNotNegative("value of a quantile", v)
		}
		if err := p.addQuantile(lset, v); err != nil {
			return nil, err
		}
		if q := p.Summary.Quantile[len(p.Summary.Quantile)-1].GetQuantile(); !(q >= 0 && q <= 1) {
			return nil, fmt.Errorf("got quantile %v, expected one from 0 to 1", q)
		}
		return nil, nil
	}
	p.setValue(*f.Type, v)
	return nil, nil
}

func checkNotNegative(what string, v float64) error {
	if !(v >= 0) {
		return fmt.Errorf("got %s %v, expected a non-negative number", what, v)
	}
	return nil
}

// maxCreated is the last second of the year 9999, the last that a timestamp can have.
const maxCreated = 253402300799

func (p *point) setCreated(typ model.MetricType, v float64) error {
	if !(v >= 0 && v <= maxCreated) {
		return fmt.Errorf("got creation time %v, expected seconds since 1970", v)
	}
	seconds, fraction := math.Modf(v)
	at := &timestamppb.Timestamp{Seconds: int64(seconds), Nanos: int32(math.Round(fraction*1e6) * 1e3)}
	if at.Nanos == 1e9 {
		at.Seconds, at.Nanos = at.Seconds+1, 0
	}
	var created **timestamppb.Timestamp
	switch typ {
	case model.MetricTypeCounter:
		if p.Counter == nil {
			p.Counter = &dto.Counter{}
		}
		created = &p.Counter.CreatedTimestamp
	case model.MetricTypeSummary:
		created = &p.summary().CreatedTimestamp
	default:
		created = &p.histogram().CreatedTimestamp
	}
	if *created != nil {
		return errDuplicate
	}
	*created = at
	return nil
}

// maxExemplarRunes is the maximum total length of the labels of an exemplar.
const maxExemplarRunes = 128

// setExemplar sets the exemplar of a sample, if it has one.
func (f *openFamily) setExemplar(p *point, b *dto.Bucket, suffix string, parser textparse.Parser) error {
	var e exemplar.Exemplar
	if !parser.Exemplar(&e) {
		return nil
	}
	if allowed := openTypes[f.typ].exemplar; allowed == "" || suffix != allowed {
		return errors.New("this sample cannot have an exemplar")
	}
	if name, ok := e.Labels.HasDuplicateLabelNames(); ok {
		return fmt.Errorf("exemplar: label %s is duplicated", excerpt.Short(name))
	}
	runes := 0
	e.Labels.Range(func(l labels.Label) { runes += utf8.RuneCountInString(l.Name) + utf8.RuneCountInString(l.Value) })
	if runes > maxExemplarRunes {
		return fmt.Errorf("exemplar: got labels of %d characters, expected at most %d", runes, maxExemplarRunes)
	}
	x := &dto.Exemplar{Label: pairsOf(e.Labels, ""), Value: &e.Value}
	if e.HasTs {
		x.Timestamp = timestamppb.New(time.UnixMilli(e.Ts))
	}
	if b != nil {
		b.Exemplar = x
	} else {
		p.Counter.Exemplar = x
	}
	return nil
}

// endPoint checks the last point when all of its samples have been read.
func (f *openFamily) endPoint() error {
	p := f.last
	p.closed = true
	var err error
	switch f.typ {
	case model.MetricTypeCounter:
		if !p.hasTotal {
			err = errors.New("the sample _total is missing")
		}
	case model.MetricTypeHistogram, model.MetricTypeGaugeHistogram:
		err = p.checkBuckets(f.typ)
	}
	if err != nil {
		return contentError{fmt.Errorf("metric %s: %w", excerpt.Short(f.name), err)}
	}
	return nil
}

// checkBuckets checks the consistency of a histogram.
func (p *point) checkBuckets(typ model.MetricType) error {
	h := p.histogram()
	last, below := math.Inf(-1), uint64(0)
	for i, b := range h.Bucket {
		if i > 0 && b.GetUpperBound() <= last {
			return fmt.Errorf("got bucket le=%v after le=%v, expected ascending bounds", b.GetUpperBound(), last)
		}
		if b.GetCumulativeCount() < below {
			return fmt.Errorf("got count %d in bucket le=%v, expected at least %d", b.GetCumulativeCount(), b.GetUpperBound(), below)
		}
		last, below = b.GetUpperBound(), b.GetCumulativeCount()
	}
	negative := len(h.Bucket) > 0 && h.Bucket[0].GetUpperBound() < 0
	switch {
	case !math.IsInf(last, 1):
		return errors.New("the bucket le=+Inf is missing")
	case p.hasCount != p.hasSum:
		return errors.New("got a count without a sum, or a sum without a count")
	case p.hasCount && h.GetSampleCount() != below:
		return fmt.Errorf("got count %d, expected %d, that of the bucket le=+Inf", h.GetSampleCount(), below)
	case typ == model.MetricTypeHistogram && negative && p.hasSum:
		return errors.New("a histogram with negative bounds must not have a sum")
	case typ == model.MetricTypeGaugeHistogram && !negative && h.GetSampleSum() < 0:
		return errors.New("got a negative sum without negative bounds")
	}
	return nil
}
