package series

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// An ownerModel is what a store should know about an owner.
type ownerModel struct {
	last  Instant // last heartbeat, or creation
	beats bool    // whether it has sent a heartbeat
	shown bool
}

// TestOwnersMatchAModel performs random heartbeats, updates and sweeps, and compares the
// owners and the page of their family with a simple model.
func TestOwnersMatchAModel(t *testing.T) {
	const limit = 6
	waited, refused := 0, 0
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 2))
		st, clock := newTestStore(t, Options{MaxSeries: limit, OwnerLimit: time.Minute})
		lastSeen, err := st.AddLastSeen("last_seen", "", "worker")
		if err != nil {
			t.Fatal(err)
		}
		owned := st.mustAdd(t, FamilyOptions{Name: "m", Type: Gauge, Labels: []string{"shard"}, Ownership: Owned})
		model := map[string]*ownerModel{}
		countShown := func() (n int) {
			for _, o := range model {
				if o.shown {
					n++
				}
			}
			return n
		}
		owners := map[string]string{} // of each series of owned
		for step := range 300 {
			name := fmt.Sprint("w", random.IntN(10))
			now := st.clock.Now()
			switch n := random.IntN(10); {
			case n < 5:
				o, want := model[name], OK
				switch {
				case o == nil && countShown() == limit:
					want = NoRoom
					refused++
				case o == nil:
					model[name] = &ownerModel{last: now, beats: true, shown: true}
				default:
					if !o.shown && countShown() < limit {
						o.shown = true
					}
					o.last, o.beats = now, true
					if !o.shown {
						waited++
					}
				}
				if r := st.Heartbeat(name, now); r != want {
					t.Fatalf("seed %d, step %d: got result %d for a heartbeat, expected %d", seed, step, r, want)
				}
			case n < 7:
				series := fmt.Sprint(random.IntN(limit))
				if owners[series] == "" {
					owners[series] = name
					if model[name] == nil {
						model[name] = &ownerModel{last: now}
					}
				}
				owned.update(t, Set, 1, name, series)
			case n < 8:
				var want Swept
				for name, o := range model {
					if now-o.last >= Instant(time.Minute) {
						delete(model, name)
						if o.beats {
							want.Owners++
						}
						if o.shown {
							want.Series++
						}
					}
				}
				for series, owner := range owners {
					if model[owner] == nil {
						delete(owners, series)
						want.Series++
					}
				}
				for _, name := range slices.Sorted(maps.Keys(model)) {
					if o := model[name]; o.beats && countShown() < limit {
						o.shown = true
					}
				}
				if got := st.Sweep(now, 0); got != want {
					t.Fatalf("seed %d, step %d: swept %+v, expected %+v", seed, step, got, want)
				}
			default:
				clock.add(time.Duration(random.IntN(30)) * time.Second)
			}

			var list, page []string
			for _, name := range slices.Sorted(maps.Keys(model)) {
				o := model[name]
				seconds := float64(st.clock.Wall().UnixMilli(o.last)) / 1000
				if o.beats {
					list = append(list, fmt.Sprintf("%s %v", name, seconds))
				}
				if o.shown {
					page = append(page, fmt.Sprintf("worker=%q %v", name, seconds))
				}
			}
			var got []string
			for o, last := range st.Owners {
				got = append(got, fmt.Sprintf("%s %v", o.Name(), float64(st.clock.Wall().UnixMilli(last))/1000))
			}
			where := fmt.Sprintf("seed %d, step %d: ", seed, step)
			expect(t, where+"owners", got, list)
			expect(t, where+"page", lastSeen.page(), page)
			if lastSeen.Len() != countShown() || owned.Len() != len(owners) {
				t.Fatalf("%sgot %d and %d series, expected %d and %d", where, lastSeen.Len(), owned.Len(), countShown(), len(owners))
			}
			if t.Failed() {
				return
			}
		}
	}
	if waited == 0 || refused == 0 {
		t.Errorf("%d owners waited for room and %d were refused, expected some", waited, refused)
	}
}
