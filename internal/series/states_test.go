package series

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// gathered returns the family's samples as Gather returns them.
func (f *Family) gathered() (lines []string) {
	for _, m := range f.Gather().Metric {
		var labels []Label
		for _, l := range m.Label {
			labels = append(labels, Label{l.GetName(), l.GetValue()})
		}
		lines = append(lines, fmt.Sprintf("%s %v", LabelText(labels), m.Gauge.GetValue()))
	}
	return lines
}

func TestSamplesOfStates(t *testing.T) {
	for _, tt := range []struct {
		constants []Label
		labels    []string
		want      []string
	}{
		{nil, []string{"state"}, []string{`state="a" 0`, `state="b" 1`}},
		{nil, []string{"job", "state"}, []string{`job="x\",y=\"",state="a" 0`, `job="x\",y=\"",state="b" 1`}},
		{nil, []string{"state", "zone"}, []string{`state="a",zone="x\",y=\"" 0`, `state="b",zone="x\",y=\"" 1`}},
		{[]Label{{"node", `"\`}}, []string{"state"}, []string{`node="\"\\",state="a" 0`, `node="\"\\",state="b" 1`}},
		{[]Label{{"z", "1"}}, []string{"state"}, []string{`state="a",z="1" 0`, `state="b",z="1" 1`}},
		{[]Label{{"node", "1"}, {"z", ""}}, []string{"job", "state", "zone"},
			[]string{`job="x\",y=\"",node="1",state="a",z="",zone="x\",y=\"" 0`, `job="x\",y=\"",node="1",state="b",z="",zone="x\",y=\"" 1`}},
	} {
		st, _ := newTestStore(t, Options{Constants: tt.constants})
		f := st.mustAdd(t, FamilyOptions{Name: "m", Type: Gauge, Labels: tt.labels, States: &States{"state", []string{"a", "b"}}})
		expect(t, "before the first update", f.gathered(), nil)
		f.update(t, Set, 2, "", slices.Repeat([]string{`x",y="`}, len(tt.labels)-1)...)
		expect(t, "gathered", f.gathered(), tt.want)
		var lines []string
		for page := range f.Sorted {
			for _, s := range page {
				for i := range f.States() {
					current, _ := f.Value(s, Wall{})
					lines = append(lines, fmt.Sprintf("%s %v", f.AppendStateLabels(nil, s, i), StateValue(i, current)))
				}
			}
		}
		expect(t, "appended", lines, tt.want)
	}
}

func TestASeriesIsNotShownBeforeItsFirstState(t *testing.T) {
	st, _ := newTestStore(t, Options{})
	f := st.mustAdd(t, FamilyOptions{Name: "m", Type: Gauge, Labels: []string{"job", "state"}, States: &States{"state", []string{"a", "b"}}})
	values := Plain("unit")
	values.rehash()
	s, _ := f.findOrCreate(values, "", st.clock.Now()) // then its goroutine is interrupted
	expect(t, "without a state", f.gathered(), nil)
	f.apply(s, Set, 1, values, st.clock.Now())
	expect(t, "with a state", f.gathered(), []string{`job="unit",state="a" 1`, `job="unit",state="b" 0`})
}

func TestGatheredStatesAreSorted(t *testing.T) {
	st, _ := newTestStore(t, Options{})
	f := st.mustAdd(t, FamilyOptions{Name: "m", Type: Gauge, Labels: []string{"state", "zone"}, States: &States{"state", []string{"a", "b"}}})
	f.update(t, Set, 1, "", "x")
	f.update(t, Set, 2, "", "y")
	expect(t, "gathered", f.gathered(), []string{`state="a",zone="x" 1`, `state="a",zone="y" 0`, `state="b",zone="x" 0`, `state="b",zone="y" 1`})
	if got, want := f.CountValues(), []LabelCount{{"state", 2}, {"zone", 2}}; !slices.Equal(got, want) {
		t.Errorf("got the counts %v, want %v", got, want)
	}
}

func TestAddFamilyRejectsInvalidStates(t *testing.T) {
	st, _ := newTestStore(t, Options{Constants: []Label{{"state", "x"}}})
	for want, o := range map[string]FamilyOptions{
		"a counter with labels":             {Type: Counter, Labels: []string{"s"}, States: &States{"s", []string{"a"}}},
		"in the label \"s\"":                {Type: Gauge, Labels: []string{"a"}, States: &States{"s", []string{"a"}}},
		"no states":                         {Type: Gauge, Labels: []string{"s"}, States: &States{"s", nil}},
		`sorted and distinct, got "b"`:      {Type: Gauge, Labels: []string{"s"}, States: &States{"s", []string{"b", "a"}}},
		`sorted and distinct, got "a" befo`: {Type: Gauge, Labels: []string{"s"}, States: &States{"s", []string{"a", "a"}}},
		`constant label "state"`:            {Type: Gauge, Labels: []string{"state"}, States: &States{"state", []string{"a"}}},
	} {
		o.Name = "m"
		if _, err := st.NewFamily(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("NewFamily(%+v) returned %v, want an error with %q", o, err, want)
		}
	}
}

func TestUpdatesOfStatesAllocateNothing(t *testing.T) {
	st, _ := newTestStore(t, Options{OwnerLimit: time.Minute})
	f := st.mustAdd(t, FamilyOptions{Name: "m", Type: Gauge, Labels: []string{"state", "worker"}, Ownership: Heartbeat,
		States: &States{"state", []string{"a", "b", "c"}}})
	values, now, n := Plain("w"), st.clock.Now(), 0
	if allocs := testing.AllocsPerRun(100, func() {
		n++
		f.Update(Set, values, "w", float64(n%3+1), now)
	}); allocs != 0 {
		t.Errorf("got %v allocations, want 0", allocs)
	}
}

// A statesModel is what a family with states should contain.
type statesModel struct {
	family *Family
	states []string
	sets   map[string]*modelSet // by worker and job
}

type modelSet struct {
	worker, job, state string
	last               Instant
}

// samples returns the samples that the family should have.
func (m *statesModel) samples() (lines []string) {
	for _, set := range m.sets {
		for _, state := range m.states {
			value := 0
			if state == set.state {
				value = 1
			}
			lines = append(lines, fmt.Sprintf(`job="%s",state="%s",worker="%s" %d`, set.job, state, set.worker, value))
		}
	}
	slices.Sort(lines)
	return lines
}

// TestStatesModel compares families with states, under random updates, heartbeats and
// sweeps, with a model.
func TestStatesModel(t *testing.T) {
	const ownerLimit, idleTTL, maxSeries = 10 * time.Second, 6 * time.Second, 22
	pick := func(r *rand.Rand, prefix string, n int) string { return fmt.Sprint(prefix, r.IntN(n)) }
	for seed := range uint64(8) {
		r := rand.New(rand.NewPCG(seed, 0))
		st, clock := newTestStore(t, Options{OwnerLimit: ownerLimit, MaxSeries: maxSeries})
		var models []*statesModel
		for _, o := range []FamilyOptions{
			{Name: "forever"}, {Name: "idle", IdleTTL: idleTTL}, {Name: "owned", Ownership: Owned},
			{Name: "heartbeat", Ownership: Heartbeat}, {Name: "both", Ownership: Heartbeat, IdleTTL: idleTTL},
		} {
			m := &statesModel{sets: map[string]*modelSet{}}
			for i := range 2 + r.IntN(5) {
				m.states = append(m.states, fmt.Sprint("s", i))
			}
			o.Type, o.Labels, o.States = Gauge, []string{"job", "state", "worker"}, &States{"state", m.states}
			m.family = st.mustAdd(t, o)
			models = append(models, m)
		}
		owners := map[string]Instant{} // last heartbeat or creation
		for step := range 600 {
			now := st.clock.Now()
			switch n := r.IntN(10); {
			case n == 0:
				clock.add(time.Duration(r.IntN(3000)) * time.Millisecond)
			case n == 1:
				worker := pick(r, "w", 4)
				st.Heartbeat(worker, now)
				owners[worker] = now
			case n == 2:
				swept := 0
				for worker, last := range owners {
					if now-last >= Instant(ownerLimit) {
						delete(owners, worker)
					}
				}
				for _, m := range models {
					for key, set := range m.sets {
						_, owned := owners[set.worker]
						age := time.Duration(now - set.last)
						if m.family.ownership != Unowned && !owned || m.family.ownership == Heartbeat && age >= ownerLimit ||
							m.family.idleTTL > 0 && age >= m.family.idleTTL {
							delete(m.sets, key)
							swept += len(m.states)
						}
					}
				}
				if got := st.Sweep(now, 0).Series; got != swept {
					t.Fatalf("seed %d, step %d: swept %d series, want %d", seed, step, got, swept)
				}
			default:
				m := models[r.IntN(len(models))]
				worker, job, state := pick(r, "w", 4), pick(r, "j", 4), r.IntN(len(m.states))
				got := m.family.Update(Set, Plain(job, worker), worker, float64(state+1), now)
				set, want := m.sets[job+worker], OK
				if set == nil && (len(m.sets)+1)*len(m.states) > maxSeries {
					want = NoRoom
				}
				if got != want {
					t.Fatalf("seed %d, step %d: got result %d, want %d", seed, step, got, want)
				}
				if want == OK {
					m.sets[job+worker] = &modelSet{worker, job, m.states[state], now}
					if _, ok := owners[worker]; m.family.ownership == Heartbeat || m.family.ownership == Owned && !ok {
						owners[worker] = now
					}
				}
			}
			for _, m := range models {
				got, want := m.family.gathered(), m.samples()
				if !slices.Equal(got, want) || m.family.Len() != len(want) {
					t.Fatalf("seed %d, step %d: %s has %d series:\n got %q\nwant %q", seed, step, m.family.name, m.family.Len(), got, want)
				}
			}
		}
	}
}

// TestOneStateAtATime gathers a family while its states change, and while its series
// are swept and created again.
func TestOneStateAtATime(t *testing.T) {
	st, clock := newTestStore(t, Options{})
	f := st.mustAdd(t, FamilyOptions{Name: "m", Type: Gauge, Labels: []string{"job", "state"}, IdleTTL: time.Millisecond,
		States: &States{"state", []string{"a", "b", "c"}}})
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for g := range 3 {
		wg.Go(func() {
			for n := g; ; n++ {
				select {
				case <-stop:
					return
				default:
					// The first state that scrapes can see is b.
					f.Update(Set, Plain(fmt.Sprint(n%5)), "", float64(n%2+2), st.clock.Now())
				}
			}
		})
	}
	for range 300 {
		current := map[string]string{}
		for _, m := range f.Gather().Metric {
			job, state := m.Label[0].GetValue(), m.Label[1].GetValue()
			current[job] += "" // a job without a current state must not be missing
			if m.Gauge.GetValue() == 1 {
				current[job] += state
			}
		}
		for job, states := range current {
			if states != "b" && states != "c" {
				t.Fatalf("job %s is in the states %q", job, states)
			}
		}
		clock.add(100 * time.Microsecond)
		st.Sweep(st.clock.Now(), 0)
	}
	close(stop)
	wg.Wait()
}
