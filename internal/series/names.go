package series

import (
	"fmt"
	"strings"
)

// AnyType is the type of a family of which only the name is known. It may have the
// samples of every type.
const AnyType Type = 0xff

// A sampleSuffix is what the name of a sample has after that of its family.
type sampleSuffix struct {
	text    string
	types   []Type // of the families that have such samples
	created bool   // only OpenMetrics has them
}

const createdSuffix = "_created"

// sampleSuffixes does not have the samples that have the name of their family, which
// the quantiles of a summary do, nor those of a counter: where another family has one of
// the names of a counter in OpenMetrics, the page shows it as unknown, not as a counter.
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

// SampleNames returns the names that the samples of a family have in every format, its
// own among them.
func SampleNames(name string, typ Type) []string {
	return appendSampleNames(append(make([]string, 0, 4), name), name, typ, false)
}

// OpenMetricsNames returns the other names that a family has in OpenMetrics, where the
// family of a counter name_total is called name.
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

// CounterBase returns what OpenMetrics calls the family of a counter of this name; false
// if it cannot be a counter there.
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

// A NameClash is the error of a family that cannot be beside another one, because the
// samples of one of the two have the name of the other.
type NameClash struct {
	Name, Other string
	Type        Type // of Name
	OtherType   Type // of Other; AnyType if it is not known
}

// Error implements error.
func (c *NameClash) Error() string {
	if strings.HasPrefix(c.Other, c.Name) {
		return fmt.Sprintf("metric %s would have a sample of the name of the metric %s", c.Name, c.Other)
	}
	return fmt.Sprintf("metric %s has the name of a sample of the %s %s", c.Name, c.OtherType, c.Other)
}

// CheckSampleNames returns a *NameClash if a family of that name and type cannot be
// beside those that typeOf knows, for the names of samples; nil if it can be. A family
// of the name itself is not its concern. With created, it takes account of the samples
// that only OpenMetrics has.
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
