package aggregator

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
	"github.com/signalbox-ci/signalbox/internal/series"
)

// checkPush returns a *PushError if the push of the families to the group must be
// rejected. invalid is an error that was found earlier in the push itself, or nil. The
// caller must hold mu and the store's lock.
func (gs *Groups) checkPush(g *group, families []*family, invalid error, replace bool, now series.Instant) error {
	if invalid != nil {
		return &PushError{Inconsistent, invalid}
	}
	if err := gs.checkLimit(g, families, replace); err != nil { // the cheaper check first
		return &PushError{LimitReached, err}
	}
	if err := gs.check(g, families, replace, now); err != nil {
		return &PushError{Inconsistent, err}
	}
	return nil
}

// checkLimit returns an error if the push would exceed the limit of series.
func (gs *Groups) checkLimit(g *group, families []*family, replace bool) error {
	added := 0
	for _, f := range families {
		added += len(f.samples) + gs.newSums(f)
		if old := g.families[f.name]; old != nil && !replace {
			added -= len(old.samples)
		}
	}
	if replace {
		added -= g.size()
	}
	n := int(gs.seriesCount.Load()) + len(gs.sums)
	if added > 0 && n+added > gs.maxSeries {
		return fmt.Errorf("the push would increase the number of series from %d to %d, which exceeds the limit of %d", n, n+added, gs.maxSeries)
	}
	return nil
}

// newSums returns the number of sums that pushing the family would create.
func (gs *Groups) newSums(f *family) (n int) {
	if gs.aggregated && isSummed(f.typ) {
		for i := range f.samples {
			if gs.sums[sumKey{f.name, f.samples[i].shown}] == nil {
				n++
			}
		}
	}
	return n
}

// check returns an error if the families contradict those of other groups or other
// metrics. It looks up only the names and labels that can conflict.
func (gs *Groups) check(g *group, families []*family, replace bool, now series.Instant) error {
	holder := gs.holder(g)
	typeOf := gs.typesAfter(g, families, replace, now)
	for _, f := range families {
		if len(f.samples) == 0 {
			continue // the push removes the family
		}
		open := gs.store.Family(f.name)
		if err := gs.checkFamily(f, open, holder, typeOf, now); err != nil {
			return err
		}
		for i := range f.samples {
			s := &f.samples[i]
			if open != nil {
				if held := open.Holder(s.shown, now); held != nil && held != holder {
					return errCollectedBefore(f.name, s.shown)
				}
			}
			if gs.others.has(f.name, s.shown) {
				return errCollectedBefore(f.name, s.shown)
			}
			if total := gs.sums[sumKey{f.name, s.shown}]; total != nil && !total.canAdd(s) && !total.isOnlyOf(g) {
				return fmt.Errorf("metric %s{%s}: the buckets differ from those of the series with which it is aggregated", f.name, excerpt.Short(s.text))
			}
		}
	}
	return nil
}

// checkFamily returns an error if the name of the family is taken, exists with another
// type, or belongs to a family that rules update. open is the family with that name in
// the store, or nil.
func (gs *Groups) checkFamily(f *family, open *series.OpenFamily, holder any, typeOf func(string) (series.Type, bool), now series.Instant) error {
	if owner := gs.others.owner(f.name, f.typ, gs.allowDriven); owner != "" {
		err := errOwned(f.name, owner)
		if !gs.allowDriven && gs.others.owner(f.name, f.typ, true) == "" {
			err = fmt.Errorf("%w, or allow it with --push-allow-driven-metrics", err)
		}
		return err
	}
	if other, ok := gs.others.typeOf(f.name); ok && other != series.AnyType && other != f.typ {
		return errOtherType(f.name, f.typ, other)
	}
	if open != nil && open.Type() == f.typ {
		return nil // the family was checked when it was added
	}
	if open != nil && (gs.aggregated || open.HeldByOthers(holder, now)) {
		return errOtherType(f.name, f.typ, open.Type())
	}
	return gs.checkNewFamily(f.name, f.typ, typeOf)
}

// typesAfter returns a function that returns the type that a family would have after
// the push. The function returns false if there would be no such family.
func (gs *Groups) typesAfter(g *group, families []*family, replace bool, now series.Instant) func(string) (series.Type, bool) {
	return func(name string) (series.Type, bool) {
		pushed, named := find(families, name)
		if named && len(pushed.samples) > 0 {
			return pushed.typ, true
		}
		if f := gs.store.Family(name); f != nil && (!replace && !named || gs.aggregated || f.HeldByOthers(g, now)) {
			return f.Type(), true
		}
		return gs.others.typeOf(name)
	}
}

// find returns the family with the name. The families must be sorted by name.
func find(families []*family, name string) (*family, bool) {
	i, ok := slices.BinarySearchFunc(families, name, func(f *family, name string) int { return strings.Compare(f.name, name) })
	if !ok {
		return nil, false
	}
	return families[i], true
}

// checkTimes returns an error if the series with the times of pushes to a new group
// would have the same labels as those of another group. This happens if one of the two
// groups has a label instance with an empty value, the other has no label instance, and
// all other labels are the same: textOf adds an empty label instance to the latter.
func (gs *Groups) checkTimes(g *group, now series.Instant) error {
	_, shown := gs.texts(g.labels, len(g.labels))
	if f := gs.store.Family(pushTimeName); f != nil && !gs.aggregated && f.Holder(shown, now) != nil {
		return errCollectedBefore(pushTimeName, shown)
	}
	return nil
}

// checkSum returns an error if a sum with this name, type and labels cannot be created.
func (gs *Groups) checkSum(name string, typ series.Type, shown string) error {
	f := gs.store.Family(name)
	if f == nil {
		return gs.checkNewFamily(name, typ, gs.typeOf)
	}
	if f.Type() != typ {
		return errOtherType(name, typ, f.Type())
	}
	if held := f.Holder(shown, gs.clock.Now()); held != nil && held != any(gs) {
		return errors.New("another client has pushed a series with the same labels")
	}
	return nil
}

// errCollectedBefore returns the error for duplicate series. The Pushgateway uses the
// same text.
func errCollectedBefore(name, labels string) error {
	return fmt.Errorf("metric %s{%s} was collected before with the same name and label values", name, excerpt.Short(labels))
}
