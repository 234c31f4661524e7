package exposition

import (
	"errors"
	"fmt"

	dto "github.com/prometheus/client_model/go"

	"github.com/signalbox-ci/signalbox/internal/series"
)

// A merge iterates over three lists of families, each sorted by name, in the order of
// their names.
type merge struct {
	stored   []*series.Family    // of Page.Store
	gathered []*dto.MetricFamily // of Page.Others
	pushed   []*pushedFamily     // of Page.Pushed
}

// familiesOfName are the families with one name. A field is nil if there is none.
type familiesOfName struct {
	stored   *series.Family
	gathered *dto.MetricFamily
	pushed   *pushedFamily
}

// next removes the families with the next name from the lists, and returns them. It
// returns false if all lists are empty.
func (m *merge) next() (fs familiesOfName, ok bool) {
	var name string
	candidate := func(n string) {
		if !ok || n < name {
			name, ok = n, true
		}
	}
	if len(m.stored) > 0 {
		candidate(m.stored[0].Name())
	}
	if len(m.gathered) > 0 {
		candidate(m.gathered[0].GetName())
	}
	if len(m.pushed) > 0 {
		candidate(m.pushed[0].Name())
	}
	if len(m.stored) > 0 && m.stored[0].Name() == name {
		fs.stored, m.stored = m.stored[0], m.stored[1:]
	}
	if len(m.gathered) > 0 && m.gathered[0].GetName() == name {
		fs.gathered, m.gathered = m.gathered[0], m.gathered[1:]
	}
	if len(m.pushed) > 0 && m.pushed[0].Name() == name {
		fs.pushed, m.pushed = m.pushed[0], m.pushed[1:]
	}
	return fs, ok
}

// resolveConflicts omits families that conflict with others: a gathered family if there
// is a stored one, and a pushed family if its type differs from that of the other
// family, or if its samples have names that are taken. The error names the omitted
// families. names is nil except for OpenMetrics.
func (fs *familiesOfName) resolveConflicts(names *names) (err error) {
	if fs.stored != nil && fs.gathered != nil {
		err = fmt.Errorf("metric %s from another registry is omitted: a metric with that name already exists", fs.gathered.GetName())
		fs.gathered = nil
	}
	if fs.pushed == nil {
		return err
	}
	name, typ := fs.pushed.Name(), fs.pushed.Type().ClientModel()
	if shown, ok := fs.shownType(); ok && shown != typ {
		err = errors.Join(err, fmt.Errorf("pushed metric %s is omitted: its type is %s, but the existing metric with that name has type %s", name, typ, shown))
		fs.pushed = nil
	} else if taken, ok := names.clash(name); ok {
		err = errors.Join(err, fmt.Errorf("pushed metric %s is omitted: another metric already uses the name %s in this format", name, taken))
		fs.pushed = nil
	}
	return err
}

// shownType returns the type of the stored or gathered family, which is always shown.
// It returns false if there is only a pushed family.
func (fs *familiesOfName) shownType() (typ dto.MetricType, ok bool) {
	switch {
	case fs.stored != nil:
		return fs.stored.Type().ClientModel(), true
	case fs.gathered != nil:
		return fs.gathered.GetType(), true
	}
	return 0, false
}
