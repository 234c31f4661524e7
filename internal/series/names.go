package series

import (
	"fmt"
	"strings"
)

// AnyType is the type of a family of which only the name is known. It may have the
// samples of any type.
const AnyType Type = 0xff

// A sampleSuffix is a suffix that, appended to the name of a family, forms the name of
// samples of that family.
type sampleSuffix struct {
	text    string
	types   []Type // types of families that have such samples
	created bool   // whether such samples exist only in OpenMetrics
}

const createdSuffix = "_created"

// sampleSuffixes does not cover samples that have the name of their family, such as the
// quantiles of a summary. It does not cover counters either: if another family uses one
// of a counter's names in OpenMetrics, the page shows the counter with type unknown.
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

// SampleNames returns the names that the samples of a family have in every format,
// including the family's own name.
func SampleNames(name string, typ Type) []string {
	return appendSampleNames(append(make([]string, 0, 4), name), name, typ, false)
}

// OpenMetricsNames returns the names that a family has in OpenMetrics in addition to
// those that SampleNames returns. For a counter, they include the result of
// CounterBase.
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

// AllNames returns the names that a family has in any format: its own name, and those
// that SampleNames and OpenMetricsNames return.
func AllNames(name string, typ Type) []string {
	return append(SampleNames(name, typ), OpenMetricsNames(name, typ)...)
}

// CounterBase returns the name that a family of counters has in OpenMetrics: its name
// without the suffix _total. It returns false if the name does not allow the family to
// be a counter there.
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

// CheckSampleNames checks a family with the given name and type against the families
// that typeOf knows. It returns a *NameClash if a sample of one family would have the
// name of another family, and nil otherwise. It does not check for a family with the
// same name. If created is true, it includes the samples that exist only in
// OpenMetrics.
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
