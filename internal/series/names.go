package series

import (
	"fmt"
	"strings"
)

// AnyType is the type of a family of which only the name is known. It may have the
// samples of any type.
const AnyType Type = 0xff

// A sampleSuffix is a suffix that names of samples have in addition to the name of
// their family.
type sampleSuffix struct {
	text    string
	types   []Type // types of families that have such samples
	created bool   // only OpenMetrics has them
}

const createdSuffix = "_created"

// sampleSuffixes omits samples with the name of their family, such as the quantiles of
// a summary. It also omits those of counters: if another family has one of a counter's
// names in OpenMetrics, the page shows the counter with type unknown.
var sampleSuffixes = []sampleSuffix{
	{text: "_bucket", types: []Type{Histogram, GaugeHistogram}},
	{text: "_sum", types: []Type{Histogram, GaugeHistogram, Summary}},
	{text: "_count", types: []Type{Histogram, GaugeHistogram, Summary}},
	{text: createdSuffix, types: []Type{Histogram, Summary}, created: true},
}

func (s *sampleSuffix) isOf(typ Type) bool {
	for _, t := range s.types {
		if t == typ || typ == AnyType {
			return true
		}
	}
	return false
}

// SampleNames returns the names that the samples of a family have in any format,
// including the family's own name.
func SampleNames(name string, typ Type) []string {
	return appendSampleNames(append(make([]string, 0, 4), name), name, typ, false)
}

// OpenMetricsNames returns the additional names that a family has in OpenMetrics, in
// which the family of a counter name_total is called name.
func OpenMetricsNames(name string, typ Type) []string {
	if typ != Counter {
		return appendSampleNames(nil, name, typ, true)
	}
	base, ok := CounterBase(name)
	if !ok {
		return nil
	}
	return []string{base, base + createdSuffix}
}

// CounterBase returns the name in OpenMetrics of the family of a counter. It returns
// false if the family cannot be a counter there.
func CounterBase(name string) (base string, ok bool) {
	base, ok = strings.CutSuffix(name, "_total")
	return base, ok && base != ""
}

func appendSampleNames(names []string, name string, typ Type, created bool) []string {
	for i := range sampleSuffixes {
		if s := &sampleSuffixes[i]; s.isOf(typ) && s.created == created {
			names = append(names, name+s.text)
		}
	}
	return names
}

// A NameClash is the error for a family that clashes with another one, because samples
// of one have the name of the other.
type NameClash struct {
	Name, Other string
	Type        Type // of Name
	OtherType   Type // of Other; AnyType if it is not known
}

// Error implements error.
func (c *NameClash) Error() string {
	if strings.HasPrefix(c.Other, c.Name) {
		return fmt.Sprintf("metric %s would have a sample with the name of metric %s", c.Name, c.Other)
	}
	return fmt.Sprintf("metric %s has the name of a sample of the %s %s", c.Name, c.OtherType, c.Other)
}

// CheckSampleNames returns a *NameClash if a family with that name and type clashes
// with those that typeOf knows, because of the names of samples, or nil. It does not
// check for a family with the same name. If created is true, it includes the samples
// that exist only in OpenMetrics.
func CheckSampleNames(name string, typ Type, created bool, typeOf func(name string) (Type, bool)) error {
	for i := range sampleSuffixes {
		s := &sampleSuffixes[i]
		if s.created && !created {
			continue
		}
		if base, ok := strings.CutSuffix(name, s.text); ok {
			if t, ok := typeOf(base); ok && s.isOf(t) {
				return &NameClash{Name: name, Type: typ, Other: base, OtherType: t}
			}
		}
		if s.isOf(typ) {
			if t, ok := typeOf(name + s.text); ok {
				return &NameClash{Name: name, Type: typ, Other: name + s.text, OtherType: t}
			}
		}
	}
	return nil
}
