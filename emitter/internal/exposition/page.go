// Package exposition serves a store as a page that Prometheus scrapes: it
// negotiates the format, writes the families and their series, and runs the
// listener, with TLS and authentication if asked.
//
// Pages are written series by series through one buffer, from what the store
// holds; a scrape takes no memory in proportion to their number.
package exposition

import (
	"errors"
	"fmt"
	"io"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/signalbox-ci/signalbox/emitter/internal/series"
)

// A Page is what a scrape gets: the families of the store, and beside them those
// that another gatherer has. It is safe for concurrent use.
type Page struct {
	Store *series.Store

	// Others, if not nil, has further families. One that has the name of a
	// family of the store is left out, and reported.
	Others prometheus.Gatherer

	// Refresh, if not nil, is called before each scrape.
	Refresh func()

	// Created says whether OpenMetrics pages have _created samples. Protobuf
	// carries the same in a field, always.
	Created bool
}

// A format writes the families of a store in one of the exposition formats.
type format interface {
	// family writes a family that has series, and nothing of one that has none.
	family(out *output, f *series.Family)
}

// Write writes the page. The error joins what Others could not gather, without
// which the rest was written all the same, and what the writer returned.
func (p *Page) Write(w io.Writer, as expfmt.Format) error {
	if p.Refresh != nil {
		p.Refresh()
	}
	others, gatherErr := p.gatherOthers()
	out := &output{w: w, buf: getBuffer()}
	defer func() { putBuffer(out.buf) }()

	families := p.Store.Families()
	names := namesOf(families, others)
	own := p.format(as, names)
	foreign := p.foreignEncoder(out, as)
	for len(families) > 0 || len(others) > 0 {
		switch {
		case len(others) == 0 || len(families) > 0 && families[0].Name() < others[0].GetName():
			own.family(out, families[0])
			families = families[1:]
		case len(families) > 0 && families[0].Name() == others[0].GetName():
			gatherErr = errors.Join(gatherErr, fmt.Errorf("metric %s of another collector is left out: there is one of that name already", others[0].GetName()))
			others = others[1:]
		default:
			mf := others[0]
			if as.FormatType() == expfmt.TypeOpenMetrics && mf.GetType() == dto.MetricType_COUNTER {
				if _, ok := names.counterBase(mf.GetName()); !ok {
					mf = untyped(mf)
				}
			}
			if err := foreign.Encode(mf); err != nil && out.err == nil {
				gatherErr = errors.Join(gatherErr, fmt.Errorf("metric %s of another collector: %w", mf.GetName(), err))
			}
			others = others[1:]
		}
	}
	if as.FormatType() == expfmt.TypeOpenMetrics {
		out.buf = append(out.buf, "# EOF\n"...)
	}
	out.flush()
	return errors.Join(gatherErr, out.err)
}

func (p *Page) foreignEncoder(out *output, as expfmt.Format) expfmt.Encoder {
	if p.Created {
		return expfmt.NewEncoder(out, as, expfmt.WithCreatedLines())
	}
	return expfmt.NewEncoder(out, as)
}

func (p *Page) gatherOthers() ([]*dto.MetricFamily, error) {
	if p.Others == nil {
		return nil, nil
	}
	return p.Others.Gather()
}

func (p *Page) format(as expfmt.Format, names names) format {
	wall := p.Store.Clock().Wall()
	switch as.FormatType() {
	case expfmt.TypeProtoDelim:
		return &protobuf{wall: wall}
	case expfmt.TypeOpenMetrics:
		return newOpenMetrics(names, p.Created, wall)
	case expfmt.TypeTextPlain:
		return newText(wall)
	}
	return &viaClientLibrary{as}
}

// viaClientLibrary writes the formats that nobody scrapes, but that the header
// can ask for: protobuf messages as text.
type viaClientLibrary struct{ as expfmt.Format }

func (v *viaClientLibrary) family(out *output, f *series.Family) {
	if mf := f.Gather(); len(mf.Metric) > 0 {
		if err := expfmt.NewEncoder(out, v.as).Encode(mf); err != nil && out.err == nil {
			out.err = err
		}
	}
}
