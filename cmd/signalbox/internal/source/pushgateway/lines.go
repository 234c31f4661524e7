package pushgateway

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
)

// A textDecoder decodes the text format with Prometheus' parser.
type textDecoder struct {
	scheme   model.ValidationScheme
	families map[string]*family
	line     int // number of the current line, from 1
}

// decodeLines decodes the text format. Unlike expfmt's parser, it rejects each sample
// of a summary or histogram that it cannot represent, and it supports metric names in
// braces everywhere.
func decodeLines(text []byte, scheme model.ValidationScheme) ([]*dto.MetricFamily, error) {
	d := textDecoder{scheme: scheme, families: make(map[string]*family)}
	if err := withRecover(func() error { return d.decode(text) }); err != nil {
		located := expfmt.ParseError{Line: d.line, Msg: err.Error()}
		if isContent(err) {
			return nil, contentError{located}
		}
		return nil, located
	}
	var families []*dto.MetricFamily
	for _, f := range d.families {
		if len(f.Metric) > 0 {
			for _, m := range f.Metric {
				unifyCounts(m.Histogram)
			}
			families = append(families, f.MetricFamily)
		}
	}
	slices.SortFunc(families, byFamilyName)
	return families, nil
}

// decode decodes a text. It handles comments itself, because expfmt's parser tolerates
// more types than Prometheus', and passes the lines between them to the parser.
func (d *textDecoder) decode(text []byte) error {
	samples := 0 // offset of the first line that has not been passed to the parser
	next := 1    // number of the line at offset at
	first := 1   // number of the line at offset samples
	for at := 0; at < len(text); next++ {
		length := bytes.IndexByte(text[at:], '\n') + 1
		if length == 0 {
			d.line = next
			return errors.New("unexpected end of input stream")
		}
		line := bytes.TrimLeft(text[at:at+length-1], " \t")
		if len(line) > 0 && line[0] == '#' {
			if err := d.block(text[samples:at], first); err != nil {
				return err
			}
			d.line = next
			if err := d.comment(string(line[1:])); err != nil {
				return err
			}
			samples, first = at+length, next+1
		}
		at += length
	}
	return d.block(text[samples:], first)
}

// block decodes lines with samples, the first of which has the given number.
func (d *textDecoder) block(lines []byte, first int) error {
	d.line = first
	if len(bytes.TrimSpace(lines)) == 0 {
		return nil
	}
	if i := bytes.IndexByte(lines, 0); i >= 0 {
		d.line += bytes.Count(lines[:i], []byte("\n"))
		return errors.New("got a zero byte")
	}
	// The parser appends to the text.
	parser := textparse.NewPromParser(slices.Clip(lines), labels.NewSymbolTable(), false)
	for n := 0; ; n++ {
		_, err := parser.Next() // the block contains only samples
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = d.sample(parser)
		}
		if err != nil {
			d.line += lineOf(lines, n)
			return err
		}
	}
}

// lineOf returns the number, from 0, of the n-th line that is not blank.
func lineOf(lines []byte, n int) (number int) {
	for line := range bytes.Lines(lines) {
		if len(bytes.TrimSpace(line)) > 0 {
			if n == 0 {
				break
			}
			n--
		}
		number++
	}
	return number
}

// comment processes a line that begins with a hash, which is not part of line.
func (d *textDecoder) comment(line string) error {
	line = strings.TrimLeft(line, " \t")
	keyword, rest := cutBlank(line)
	if keyword != "HELP" && keyword != "TYPE" {
		return nil
	}
	name, rest := cutName(rest)
	if name == "" {
		return nil // as expfmt's parser does
	}
	f := d.family(name)
	if keyword == "HELP" {
		if f.Help != nil {
			return fmt.Errorf("second HELP line for metric name %q", excerpt.Short(name))
		}
		help := helpUnescaper.Replace(rest)
		f.Help = &help
		return nil
	}
	if f.Type != nil {
		return fmt.Errorf("second TYPE line for metric name %q, or TYPE reported after samples", excerpt.Short(name))
	}
	typ, ok := dto.MetricType_value[strings.ToUpper(rest)]
	if strings.EqualFold(rest, "gaugehistogram") {
		typ, ok = int32(dto.MetricType_GAUGE_HISTOGRAM), true
	}
	if !ok {
		return fmt.Errorf("unknown metric type %q", excerpt.Short(rest))
	}
	f.Type = dto.MetricType(typ).Enum()
	return nil
}

var helpUnescaper = strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\"`, `"`)

// cutBlank returns the text before the first blanks, and the text after them.
func cutBlank(text string) (before, after string) {
	i := strings.IndexAny(text, " \t")
	if i < 0 {
		return text, ""
	}
	return text[:i], strings.TrimLeft(text[i:], " \t")
}

// cutName is cutBlank for a text that begins with a metric name, which may be quoted.
func cutName(text string) (name, rest string) {
	if !strings.HasPrefix(text, `"`) {
		return cutBlank(text)
	}
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return helpUnescaper.Replace(text[1:i]), strings.TrimLeft(text[i+1:], " \t")
		}
	}
	return "", ""
}

// family returns the family to which a sample or a comment with the name belongs, and
// adds it if necessary.
func (d *textDecoder) family(name string) *family {
	if f := d.families[name]; f != nil {
		return f
	}
	for _, suffix := range []string{"_count", "_sum", "_bucket"} {
		base, ok := strings.CutSuffix(name, suffix)
		if f := d.families[base]; ok && f != nil && f.Type != nil {
			isHistogram := reservedLabel(*f.Type) == model.BucketLabel
			if isHistogram || *f.Type == dto.MetricType_SUMMARY && suffix != "_bucket" {
				return f
			}
		}
	}
	f := newFamily(name, 0)
	f.Type = nil
	d.families[name] = f
	return f
}

// sample adds the sample of the current entry.
func (d *textDecoder) sample(parser textparse.Parser) error {
	raw, at, v := parser.Series()
	if at != nil {
		at = new(*at) // the parser reuses the original
	}
	var lset labels.Labels
	parser.Labels(&lset)
	name := lset.Get(model.MetricNameLabel)
	if raw[0] == ' ' || raw[0] == '\t' {
		name = strings.TrimLeft(name, " \t") // the parser includes blanks at the start of the line
	}
	if label, ok := lset.HasDuplicateLabelNames(); ok {
		return fmt.Errorf("duplicate label names for metric %q: %q", excerpt.Short(name), excerpt.Short(label))
	}
	if !d.scheme.IsValidMetricName(name) {
		return fmt.Errorf("invalid metric name %q; UTF-8 names are not enabled", excerpt.Short(name))
	}
	invalid := ""
	lset.Range(func(l labels.Label) {
		if !d.scheme.IsValidLabelName(l.Name) {
			invalid = l.Name
		}
	})
	if invalid != "" {
		return fmt.Errorf("invalid label name %q; UTF-8 names are not enabled", excerpt.Short(invalid))
	}
	f := d.family(name)
	if f.Type == nil {
		f.Type = dto.MetricType_UNTYPED.Enum()
	}
	reserved := reservedLabel(*f.Type)
	if reserved == "" {
		p := f.add(lset, "", "")
		p.TimestampMs = at
		p.setValue(*f.Type, v)
		return nil
	}
	p := f.point(lset, reserved)
	if at != nil {
		p.TimestampMs = at
	}
	var err error
	switch suffix := strings.TrimPrefix(name, f.GetName()); {
	case suffix == "_count":
		err = p.setCount(*f.Type, v)
	case suffix == "_sum":
		err = p.setSum(*f.Type, v)
	case suffix == "_bucket" && reserved == model.BucketLabel:
		_, err = p.addBucket(lset, v)
	case suffix == "" && reserved == model.QuantileLabel:
		err = p.addQuantile(lset, v)
	default:
		err = fmt.Errorf("a %s has no samples with this name", strings.ToLower(f.Type.String()))
	}
	if err != nil {
		return contentError{fmt.Errorf("metric %s: %w", excerpt.Short(name), err)}
	}
	return nil
}
