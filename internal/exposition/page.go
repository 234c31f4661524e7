// Package exposition serves the metrics page, which Prometheus scrapes. It negotiates
// the format, writes the families and their series, and runs the metrics listener, with
// optional TLS and authentication.
//
// A scrape reads the store and writes the page series by series through one buffer, so
// the memory that it needs does not grow with the number of series. There are
// exceptions, because some formats need all series of a family before they can write
// the first one. Protobuf and, for most types, OpenMetrics make a list of the series of
// a pushed family. Protobuf also makes a list of the exemplars of a family, and encodes
// a family of native histograms to memory. All formats collect a family in memory if it
// contains both pushed and other series.
package exposition

import (
	"errors"
	"fmt"
	"io"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/signalbox-ci/signalbox/internal/series"
)

// A Page is the metrics page: the families of a store, of another gatherer, and those
// that were pushed. It is safe for concurrent use.
type Page struct {
	Store *series.Store

	// Others, if not nil, gathers additional families. If one has the same name as a
	// family of the store, Write omits it and reports an error.
	Others prometheus.Gatherer

	// Gathered, if not nil, is called for each page with what Others gathered. It must
	// not change the families.
	Gathered func([]*dto.MetricFamily)

	// Pushed, if not nil, returns the pushed families, or nil if there are none. If a
	// pushed family has the same name and type as a family of Store or Others, Write
	// combines them. If the types differ, it omits the pushed family and reports an
	// error.
	Pushed func() *Pushed

	// Refresh, if not nil, is called before each scrape.
	Refresh func()

	// Created adds _created samples to OpenMetrics pages. Protobuf always has the
	// creation time, in a field.
	Created bool
}

// Pushed are the families that agents and jobs push.
type Pushed struct {
	Store *series.OpenStore
	Clock *series.Clock // the clock of the deadlines in Store

	// Owner, if not nil, returns why the page must not contain a pushed family with the
	// name and type, or the empty string if it may. The page omits such a family and
	// reports an error.
	Owner func(name string, typ series.Type) string
}

// A format writes families in one of the exposition formats. It writes nothing for a
// family without series.
type format interface {
	family(out *output, f *series.Family)
	pushed(out *output, f *pushedFamily) error
}

// Write writes the page. If Others fails, or if families or series must be omitted,
// Write still writes the rest. It returns all of these errors, joined with that of the
// writer.
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
	pushed, escaped, now, err := p.pushed(as.ToEscapingScheme())
	report(err)
	rest := merge{stored: p.Store.Families(), gathered: others, pushed: pushed}
	out := &output{w: w, buf: getBuffer()}
	defer func() { putBuffer(out.buf) }()

	var names, taken *names // taken are needed to detect conflicts
	if as.FormatType() == expfmt.TypeOpenMetrics {
		names = newNames(rest)
		taken = names
	} else if escaped {
		taken = newNames(rest) // stores and pushes were checked for conflicts of unescaped names only
	}
	format := p.format(as, names, now)
	library := p.newLibraryEncoder(out, as, names)
	for {
		fs, ok := rest.next()
		if !ok {
			break
		}
		report(fs.resolveConflicts(taken))
		if fs.pushed != nil {
			report(fs.pushed.omitted(now))
		}
		switch shared := fs.stored != nil || fs.gathered != nil; {
		case fs.pushed != nil && shared:
			report(library.shared(fs, now))
		case fs.pushed != nil:
			report(format.pushed(out, fs.pushed))
		case fs.stored != nil:
			format.family(out, fs.stored)
		case fs.gathered != nil:
			report(library.family(fs.gathered))
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

// pushed returns the pushed families that have series to show, whether any of their
// names is escaped, and the current time on their clock. The error names the families
// that it omits because of Pushed.Owner, and those whose escaped names clash.
func (p *Page) pushed(scheme model.EscapingScheme) (families []*pushedFamily, escaped bool, now series.Instant, err error) {
	if p.Pushed == nil {
		return nil, false, 0, nil
	}
	pushed := p.Pushed()
	if pushed == nil {
		return nil, false, 0, nil
	}
	now = pushed.Clock.Tick()
	all := pushed.Store.Families()
	families = make([]*pushedFamily, 0, len(all))
	var errs []error
	for _, f := range all {
		for range f.Rows(now) {
			shown := newPushedFamily(f, scheme)
			if owner := pushed.owner(shown.name, f.Type()); owner != "" {
				errs = append(errs, fmt.Errorf("pushed metric %s is omitted: %s", f.Name(), owner))
				break
			}
			escaped = escaped || shown.name != f.Name()
			families = append(families, shown)
			break
		}
	}
	if escaped {
		families, err = sortEscaped(families)
		errs = append(errs, err)
	}
	return families, escaped, now, errors.Join(errs...)
}

// owner calls Owner, unless it is nil.
func (p *Pushed) owner(name string, typ series.Type) string {
	if p.Owner == nil {
		return ""
	}
	return p.Owner(name, typ)
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

// viaClientLibrary writes, with client_golang's encoder, the formats that a client can
// request but no scraper does, such as protobuf messages as text.
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

func (v *viaClientLibrary) pushed(out *output, f *pushedFamily) error {
	mf := f.Gather(v.now)
	if len(mf.Metric) == 0 {
		return nil
	}
	if err := expfmt.NewEncoder(out, v.as).Encode(mf); err != nil && out.err == nil {
		return fmt.Errorf("pushed metric %s: %w", f.Name(), err)
	}
	return nil
}
