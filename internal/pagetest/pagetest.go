// Package pagetest checks metrics pages in tests, with the parsers of Prometheus.
package pagetest

import (
	"errors"
	"fmt"
	"io"

	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
)

// Formats are values of the header Accept, one for each format and way to escape names.
var Formats = []string{
	"text/plain;version=0.0.4",
	"text/plain;version=1.0.0;escaping=allow-utf-8",
	"text/plain;version=1.0.0;escaping=dots",
	"text/plain;version=1.0.0;escaping=values",
	"application/openmetrics-text;version=1.0.0",
	"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8",
	"application/openmetrics-text;version=1.0.0;escaping=values",
	"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
	"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;escaping=allow-utf-8",
}

// Check returns an error if Prometheus could not parse a page, or if the page contains
// a series twice. Prometheus would drop the whole page or one of the series.
// contentType is the Content-Type of the page.
func Check(page []byte, contentType string) error {
	parser, err := textparse.New(page, contentType, labels.NewSymbolTable(), textparse.ParserOptions{KeepClassicOnClassicAndNativeHistograms: true})
	if err != nil {
		return err
	}
	type key struct {
		series string
		native bool
	}
	seen := make(map[key]bool)
	for {
		entry, err := parser.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch entry {
		case textparse.EntryHistogram:
			_, _, h, f := parser.Histogram()
			if h != nil {
				err = h.Validate()
			} else {
				err = f.Validate()
			}
			if err != nil {
				return err
			}
		case textparse.EntrySeries:
		default:
			continue
		}
		var lset labels.Labels
		parser.Labels(&lset)
		if name, ok := lset.HasDuplicateLabelNames(); ok {
			return fmt.Errorf("series %s: label %s is duplicated", lset, name)
		}
		var e exemplar.Exemplar
		for parser.Exemplar(&e) {
		}
		k := key{labels.NewBuilder(lset).Labels().String(), entry == textparse.EntryHistogram} // without empty labels
		if seen[k] {
			return fmt.Errorf("series %s is duplicated", k.series)
		}
		seen[k] = true
	}
}
