package series

import (
	"strings"
	"testing"
)

func (st *Store) names() (names []string) {
	for _, f := range st.Families() {
		names = append(names, f.Name())
	}
	return names
}

func TestReplaceIsAtomic(t *testing.T) {
	st, _ := newTestStore(t, Options{})
	a, c := st.mustAdd(t, FamilyOptions{Name: "a"}), st.mustAdd(t, FamilyOptions{Name: "c"})
	staged := func(name string) *Family {
		f, err := st.NewFamily(FamilyOptions{Name: name})
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	newA, b := staged("a"), staged("b")
	expect(t, "before", st.names(), []string{"a", "c"})
	if err := st.Replace([]*Family{a, c}, []*Family{newA, b}); err != nil {
		t.Fatal(err)
	}
	expect(t, "after", st.names(), []string{"a", "b"})
	a.update(t, Add, 1, "")
	expect(t, "the new family after an update of the removed one", newA.page(), []string{" 0"})

	if err := st.Replace([]*Family{newA}, []*Family{c, staged("b")}); err == nil || !strings.Contains(err.Error(), "metric b") {
		t.Errorf("got %v, want an error about metric b", err)
	}
	expect(t, "after a failure", st.names(), []string{"a", "b"})
}

func TestDropRemovesASeriesUntilItIsSetAgain(t *testing.T) {
	st, _ := newTestStore(t, Options{})
	for _, typ := range []Type{Gauge, Counter} {
		f := st.mustAdd(t, FamilyOptions{Name: typ.String(), Type: typ, Labels: []string{"a"}})
		f.update(t, Set, 1, "", "x")
		f.update(t, Set, 2, "", `"y"`)
		f.Drop(`"y"`)
		f.Drop("z")
		expect(t, "dropped", f.page(), []string{`a="x" 1`})
		if f.Len() != 1 {
			t.Errorf("got %d series, want 1", f.Len())
		}
		f.update(t, Set, 3, "", `"y"`)
		expect(t, "set again", f.page(), []string{`a="\"y\"" 3`, `a="x" 1`})
	}
}
