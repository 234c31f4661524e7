package exposition

import (
	"errors"
	"fmt"

	dto "github.com/prometheus/client_model/go"

	"github.com/signalbox-ci/signalbox/internal/series"
)

// A merge goes through three lists of families, each sorted by name, as if they
// were one.
type merge struct {
	own    []*series.Family
	others []*dto.MetricFamily
	pushed []*series.OpenFamily
}

// heads are the families of one name; nil where there is none.
type heads struct {
	own    *series.Family
	other  *dto.MetricFamily
	pushed *series.OpenFamily
}

// next takes the families of the next name from the lists; false if all are empty.
func (m *merge) next() (h heads, ok bool) {
	var name string
	least := func(n string) {
		if !ok || n < name {
			name, ok = n, true
		}
	}
	if len(m.own) > 0 {
		least(m.own[0].Name())
	}
	if len(m.others) > 0 {
		least(m.others[0].GetName())
	}
	if len(m.pushed) > 0 {
		least(m.pushed[0].Name())
	}
	if len(m.own) > 0 && m.own[0].Name() == name {
		h.own, m.own = m.own[0], m.own[1:]
	}
	if len(m.others) > 0 && m.others[0].GetName() == name {
		h.other, m.others = m.others[0], m.others[1:]
	}
	if len(m.pushed) > 0 && m.pushed[0].Name() == name {
		h.pushed, m.pushed = m.pushed[0], m.pushed[1:]
	}
	return h, ok
}

// settle drops the families that cannot be shown beside the rest: one of the
// others if there is an own one, and a pushed one that is of another type, or whose
// samples have names that are taken. The error says which.
func (h *heads) settle(names *names) (err error) {
	if h.own != nil && h.other != nil {
		err = fmt.Errorf("metric %s of another collector is left out: there is one of that name already", h.other.GetName())
		h.other = nil
	}
	if h.pushed == nil {
		return err
	}
	name, typ := h.pushed.Name(), h.pushed.Type().ClientModel()
	if shown, ok := h.shownType(); ok && shown != typ {
		err = errors.Join(err, fmt.Errorf("pushed metric %s is left out: it is of type %s, but there is one of that name already, of type %s", name, typ, shown))
		h.pushed = nil
	} else if taken, ok := names.clash(name); ok {
		err = errors.Join(err, fmt.Errorf("pushed metric %s is left out of OpenMetrics: another family holds the name %s", name, taken))
		h.pushed = nil
	}
	return err
}

// shownType is the type of the family that is shown in any case.
func (h *heads) shownType() (typ dto.MetricType, ok bool) {
	switch {
	case h.own != nil:
		return h.own.Type().ClientModel(), true
	case h.other != nil:
		return h.other.GetType(), true
	}
	return 0, false
}
