// Package exposition serves a store as a page that Prometheus scrapes: it
// negotiates the format, writes the families and their series, and runs the
// listener, with TLS and authentication if asked.
//
// Pages are written series by series through one buffer, from what the store
// holds; a scrape takes no memory in proportion to their number, but where a format
// has to know it all beforehand: for a list of what was pushed and, in protobuf, one
// of exemplars, and the text of a family of native histograms.
package exposition

import (
	"errors"
	"fmt"
	"io"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/signalbox-ci/signalbox/internal/series"
)

// A Page is what a scrape gets: the families of the store, and beside them those
// that another gatherer has, and what was pushed. It is safe for concurrent use.
type Page struct {
	Store *series.Store

	// Others, if not nil, has further families. One that has the name of a
	// family of the store is left out, and reported.
	Others prometheus.Gatherer

	// Gathered, if not nil, is called with what Others gathered, for each page. It
	// must not change it.
	Gathered func([]*dto.MetricFamily)

	// Pushed, if not nil, returns what was pushed, or nil while there is nothing of
	// the kind. A family that has the name of one of the others' is shown as one
	// with it if their types agree; if not, it is left out, and reported.
	Pushed func() *Pushed

	// Refresh, if not nil, is called before each scrape.
	Refresh func()

	// Created says whether OpenMetrics pages have _created samples. Protobuf
	// carries the same in a field, always.
	Created bool
}

// Pushed are the families that agents and jobs push.
type Pushed struct {
	Store *series.OpenStore
	Clock *series.Clock // which the deadlines in the store are by
}

// A format writes families in one of the exposition formats. Of a family that has
// no series, it writes nothing.
type format interface {
	family(out *output, f *series.Family)
	pushed(out *output, f *series.OpenFamily) error
}

// Write writes the page. The error joins what Others could not gather and what was left
// out, without which the rest was written all the same, and what the writer returned.
func (p *Page) Write(w io.Writer, as expfmt.Format) error {
	if p.Refresh != nil {
		p.Refresh()
	}
	var errs []error
	report := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}

	others, err := p.gatherOthers()
	report(err)
	pushed, now := p.pushed()
	rest := merge{own: p.Store.Families(), others: others, pushed: pushed}
	out := &output{w: w, buf: getBuffer()}
	defer func() { putBuffer(out.buf) }()

	var names *names
	if as.FormatType() == expfmt.TypeOpenMetrics {
		names = namesOf(rest)
	}
	format := p.format(as, names, now)
	foreign := p.foreign(out, as, names)
	for {
		heads, ok := rest.next()
		if !ok {
			break
		}
		report(heads.settle(names))
		switch shared := heads.own != nil || heads.other != nil; {
		case heads.pushed != nil && shared:
			report(foreign.together(heads, now))
		case heads.pushed != nil:
			report(format.pushed(out, heads.pushed))
		case heads.own != nil:
			format.family(out, heads.own)
		case heads.other != nil:
			report(foreign.family(heads.other))
		}
	}
	if as.FormatType() == expfmt.TypeOpenMetrics {
		out.buf = append(out.buf, "# EOF\n"...)
	}
	out.flush()
	report(out.err)
	return errors.Join(errs...)
}

func (p *Page) gatherOthers() ([]*dto.MetricFamily, error) {
	if p.Others == nil {
		return nil, nil
	}
	others, err := p.Others.Gather()
	if p.Gathered != nil {
		p.Gathered(others)
	}
	return others, err
}

// pushed are the families that have something to show, as of now.
func (p *Page) pushed() (families []*series.OpenFamily, now series.Instant) {
	if p.Pushed == nil {
		return nil, 0
	}
	pushed := p.Pushed()
	if pushed == nil {
		return nil, 0
	}
	now = pushed.Clock.Tick()
	all := pushed.Store.Families()
	families = make([]*series.OpenFamily, 0, len(all))
	for _, f := range all {
		for range f.Rows(now) {
			families = append(families, f)
			break
		}
	}
	return families, now
}

func (p *Page) format(as expfmt.Format, names *names, now series.Instant) format {
	wall := p.Store.Clock().Wall()
	switch as.FormatType() {
	case expfmt.TypeProtoDelim:
		return &protobuf{wall: wall, now: now}
	case expfmt.TypeOpenMetrics:
		return newOpenMetrics(names, p.Created, wall, now)
	case expfmt.TypeTextPlain:
		return newText(wall, now)
	}
	return &viaClientLibrary{as, now}
}

// viaClientLibrary writes the formats that nobody scrapes, but that the header
// can ask for: protobuf messages as text.
type viaClientLibrary struct {
	as  expfmt.Format
	now series.Instant
}

func (v *viaClientLibrary) family(out *output, f *series.Family) {
	if mf := f.Gather(); len(mf.Metric) > 0 {
		if err := expfmt.NewEncoder(out, v.as).Encode(mf); err != nil && out.err == nil {
			out.err = err
		}
	}
}

func (v *viaClientLibrary) pushed(out *output, f *series.OpenFamily) error {
	mf := f.Gather(v.now)
	if len(mf.Metric) == 0 {
		return nil
	}
	if err := expfmt.NewEncoder(out, v.as).Encode(mf); err != nil && out.err == nil {
		return fmt.Errorf("pushed metric %s: %w", f.Name(), err)
	}
	return nil
}
