package exposition

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/signalbox-ci/signalbox/internal/series"
)

// The functions below check an OpenMetrics page by the rules of the reference parser,
// which is part of Prometheus' client library for Python.

var typeSuffixes = map[string][]string{
	"counter":        {"_total", "_created"},
	"summary":        {"", "_count", "_sum", "_created"},
	"histogram":      {"_count", "_sum", "_bucket", "_created"},
	"gaugehistogram": {"_gcount", "_gsum", "_bucket"},
	"gauge":          {""},
	"unknown":        {""},
}

const labelsPattern = `\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\n"])*",?)*)\}`

var samplePattern = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:` + labelsPattern + `)? (\S+)( # ` + labelsPattern + ` \S+( \S+)?)?$`)

// strict is the state of the check within a family.
type strict struct {
	family, typ string
	series      map[string]bool
	groups      map[string]bool
	group       string

	bucket, bound float64 // of the last bucket of the group
}

// checkStrict returns the first error of a page.
func checkStrict(page string) error {
	page, ok := strings.CutSuffix(page, "# EOF\n")
	if !ok {
		return fmt.Errorf("the page does not end with # EOF: …%q", page[max(0, len(page)-100):])
	}
	if !utf8.ValidString(page) {
		return fmt.Errorf("the page is not valid UTF-8")
	}
	var s strict
	taken := map[string]bool{}
	for line := range strings.Lines(page) {
		line = strings.TrimSuffix(line, "\n")
		if !strings.HasPrefix(line, "# ") {
			if err := s.sample(line); err != nil {
				return fmt.Errorf("%w: %s", err, line)
			}
			continue
		}
		parts := strings.SplitN(line, " ", 4)
		if len(parts) < 4 || parts[2] == "" {
			return fmt.Errorf("invalid: %s", line)
		}
		if parts[1] == "HELP" && parts[2] != s.family {
			s = strict{family: parts[2]}
		}
		if parts[1] != "TYPE" {
			continue
		}
		if typeSuffixes[parts[3]] == nil {
			return fmt.Errorf("unknown type: %s", line)
		}
		s = strict{family: parts[2], typ: parts[3], series: map[string]bool{}, groups: map[string]bool{}}
		names := map[string]bool{s.family: true}
		for _, suffix := range typeSuffixes[s.typ] {
			names[s.family+suffix] = true
		}
		for name := range names {
			if taken[name] {
				return fmt.Errorf("the name %s is used twice: %s", name, line)
			}
			taken[name] = true
		}
	}
	return nil
}

func (s *strict) sample(line string) error {
	m := samplePattern.FindStringSubmatch(line)
	if m == nil {
		return fmt.Errorf("invalid sample")
	}
	name, labels, exemplar := m[1], m[2], m[4]
	value, err := strconv.ParseFloat(m[3], 64)
	if err != nil {
		return err
	}
	suffix, ok := strings.CutPrefix(name, s.family)
	if !ok || !slices.Contains(typeSuffixes[s.typ], suffix) {
		return fmt.Errorf("%s %s has no such sample", s.typ, s.family)
	}
	var group []string
	number := math.NaN()
	seen := map[string]bool{}
	for label, v := range series.LabelsOf(labels) {
		if seen[label] {
			return fmt.Errorf("label %s is duplicated", label)
		}
		seen[label] = true
		if s.typ == "histogram" && suffix == "_bucket" && label == "le" || s.typ == "summary" && suffix == "" && label == "quantile" {
			if number, err = strconv.ParseFloat(v, 64); err != nil {
				return err
			}
			continue
		}
		group = append(group, label+"\xff"+v)
	}
	if s.series[name+labels] {
		return fmt.Errorf("the series is duplicated")
	}
	s.series[name+labels] = true
	if g := strings.Join(group, "\xff"); g != s.group || len(s.groups) == 0 {
		if s.groups[g] {
			return fmt.Errorf("the samples with these labels are not consecutive")
		}
		s.group, s.groups[g] = g, true
		s.bucket, s.bound = 0, math.Inf(-1)
	}
	if exemplar != "" {
		if !(s.typ == "histogram" && suffix == "_bucket" || s.typ == "counter" && suffix == "_total") {
			return fmt.Errorf("this sample must not have an exemplar")
		}
		length, seen := 0, map[string]bool{}
		for label, v := range series.LabelsOf(m[5]) {
			if length += utf8.RuneCountInString(label + v); length > 128 || seen[label] {
				return fmt.Errorf("the exemplar is too long, or has a duplicated label")
			}
			seen[label] = true
		}
	}
	return s.value(suffix, value, number)
}

func (s *strict) value(suffix string, value, number float64) error {
	if s.typ == "gauge" || s.typ == "unknown" || suffix == "_created" {
		return nil
	}
	if suffix == "" {
		if !(number >= 0 && number <= 1) || value < 0 {
			return fmt.Errorf("the quantile or its value is invalid")
		}
		return nil
	}
	if !(value >= 0) {
		return fmt.Errorf("the value is negative or NaN")
	}
	whole := value == math.Trunc(value) && !math.IsInf(value, 0)
	switch suffix {
	case "_bucket":
		if !whole || !(number > s.bound) || number < 0 || value < s.bucket {
			return fmt.Errorf("the bucket is out of order, negative or fractional")
		}
		s.bound, s.bucket = number, value
	case "_count":
		if !whole || s.typ == "histogram" && (!math.IsInf(s.bound, 1) || value != s.bucket) {
			return fmt.Errorf("the count is fractional, or differs from that of the last bucket")
		}
	}
	return nil
}
