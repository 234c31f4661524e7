package storage

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

// A sample is the file of a closed storage to which changes were committed.
type sample struct {
	file    []byte
	records []string        // in the file, in order
	written map[string]bool // all records that were ever in the file
}

// newSample commits random changes of the keys in several rounds.
func newSample(t *testing.T, keys, rounds int) sample {
	w := newWorld(t)
	w.open()
	sm := sample{written: map[string]bool{}}
	current := map[string]string{}
	random := rand.New(rand.NewPCG(1, 2))
	for round := range rounds {
		var changes []Change
		for k := range keys {
			key := fmt.Sprintf("key %03d", k)
			switch {
			case round > 0 && random.IntN(3) > 0:
			case random.IntN(5) == 0:
				changes = append(changes, del(1, key))
				delete(current, key)
			default:
				value := strings.Repeat(fmt.Sprintf("%d of %d.", round, k), 1+random.IntN(50))
				if random.IntN(20) == 0 {
					value = strings.Repeat(value, 30) // spans pages
				}
				changes = append(changes, set(1, key, value))
				current[key] = fmt.Sprintf("1 %s=%s", key, value)
				sm.written[current[key]] = true
			}
		}
		w.wait(w.Commit(changes))
	}
	w.close()
	sm.records = slices.Sorted(maps.Values(current))
	var err error
	if sm.file, err = os.ReadFile(w.path); err != nil {
		t.Fatal(err)
	}
	return sm
}

// openDamaged writes the content to the world's file and opens it. It panics if Open
// does not return within 20 seconds.
func (w *world) openDamaged(file []byte, how string) {
	w.t.Helper()
	if err := os.WriteFile(w.path, file, 0o600); err != nil {
		w.t.Fatal(err)
	}
	timeout := time.AfterFunc(20*time.Second, func() { panic("Open hangs: " + how) })
	defer timeout.Stop()
	w.open()
}

func TestOpenReplacesDamagedFileAndKeepsReadableRecords(t *testing.T) {
	small, large := newSample(t, 3, 3), newSample(t, 300, 5)
	other := filepath.Join(t.TempDir(), "other")
	editBolt(t, other, func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucket([]byte("foreign"))
		return errors.Join(err, b.Put([]byte("k"), []byte("v")))
	})
	foreign, err := os.ReadFile(other)
	if err != nil {
		t.Fatal(err)
	}
	// corrupted flips a bit in each copy of the last record, including those on free
	// pages.
	corrupted := func(sm sample) []byte {
		_, value, _ := strings.Cut(sm.records[len(sm.records)-1], "=")
		flipped := append([]byte{value[0] ^ 1}, value[1:]...)
		return bytes.ReplaceAll(sm.file, []byte(value), flipped)
	}
	badMeta := slices.Clone(large.file)
	badMeta[pageSize+headerSize] ^= 1
	// noBranches has no page that points to a leaf.
	noBranches := slices.Clone(large.file)
	for page := 2 * pageSize; page < len(noBranches); page += pageSize {
		if flags := order.Uint16(noBranches[page+8:]); flags == branchPage {
			clear(noBranches[page:][:pageSize])
		}
	}
	for name, c := range map[string]struct {
		file []byte
		err  string
		kept func(n int) bool
	}{
		"text file":               {[]byte("hello"), "page 0: EOF", func(n int) bool { return n == 0 }},
		"zeros":                   {make([]byte, 1<<16), "page 0: not the metadata of a bbolt file", func(n int) bool { return n == 0 }},
		"file of another program": {foreign, `page 4: got "foreign", expected the bucket "records"`, func(n int) bool { return n == 0 }},
		"one metadata page":       {badMeta, "page 1: not the metadata of a bbolt file", func(n int) bool { return n > 200 }},
		"one value":               {corrupted(large), "of kind 1: the checksum is wrong", func(n int) bool { return n >= len(large.records)-1 }},
		"one value, small file":   {corrupted(small), "of kind 1: the checksum is wrong", func(n int) bool { return n >= len(small.records)-1 }},
		"truncated":               {large.file[:len(large.file)/2], "the file is truncated: got ", func(n int) bool { return n < len(large.records) }},
		"no branches":             {noBranches, "got the header of page 0", func(n int) bool { return n >= len(large.records) }},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.openDamaged(c.file, name)
			if len(w.damage) != 1 {
				t.Fatalf("damage: %v", w.damage)
			}
			d := w.damage[0]
			if !strings.Contains(d.Err.Error(), c.err) || d.Kept != len(w.loaded) || !c.kept(d.Kept) {
				t.Errorf("damage: %v, loaded %d", d, len(w.loaded))
			}
			if moved, err := os.ReadFile(d.MovedTo); err != nil || !bytes.Equal(moved, c.file) {
				t.Errorf("the file at %s is not the damaged one (error %v)", d.MovedTo, err)
			}
			if !strings.HasPrefix(d.MovedTo, w.path+".damaged-2") || len(w.files()) != 2 {
				t.Errorf("moved to %s, files %q", d.MovedTo, w.files())
			}
			loaded := w.loaded
			w.wait(w.Commit([]Change{set(200, "new", "x")}))
			w.expect("after reopening", w.reopened(), append(loaded, "200 new=x")...)
			if w.damage != nil {
				t.Errorf("the new file is damaged: %v", w.damage)
			}
		})
	}
}

func TestDamagedFilesDoNotOverwriteEachOther(t *testing.T) {
	w := newWorld(t)
	for i := range 5 {
		w.openDamaged(fmt.Appendf(nil, "garbage %d", i), "garbage")
		w.close()
	}
	var found []string
	for _, name := range w.files() {
		if name != "records" {
			b, err := os.ReadFile(filepath.Join(filepath.Dir(w.path), name))
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, string(b))
		}
	}
	slices.Sort(found)
	w.expect("damaged files", found, "garbage 0", "garbage 1", "garbage 2", "garbage 3", "garbage 4")
}

func TestOpenIgnoresIncompleteNewFile(t *testing.T) {
	w := newWorld(t)
	if err := os.WriteFile(w.path+".new", []byte("half a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.openDamaged(nil, "an empty file")
	w.wait(w.Commit([]Change{set(1, "a", "1")}))
	w.expect("records", w.reopened(), "1 a=1")
	w.expect("the directory", w.files(), "records")
}

// damage returns a randomly damaged copy of the file, and a description of the damage.
func damage(file []byte, random *rand.Rand) ([]byte, string) {
	file = slices.Clone(file)
	pages := len(file) / pageSize
	page := func() []byte { return file[random.IntN(pages)*pageSize:][:pageSize] }
	switch random.IntN(7) {
	case 0:
		n := random.IntN(len(file))
		return file[:n], fmt.Sprintf("truncated to %d bytes", n)
	case 1:
		copy(page(), page())
		return file, "a duplicated page"
	case 2:
		clear(page())
		return file, "a page of zeros"
	case 3: // in the headers of pages, where damage has the worst effects
		for range 1 + random.IntN(3) {
			page()[random.IntN(256)] ^= byte(1 << random.IntN(8))
		}
		return file, "changed headers"
	case 4:
		p := page()
		for i := range 1 + random.IntN(pageSize) {
			p[i] = byte(random.Uint32())
		}
		return file, "a page of random bytes"
	case 5:
		i := random.IntN(len(file))
		file[i] ^= byte(1 << random.IntN(8))
		return file, fmt.Sprintf("a flipped bit at %d", i)
	default:
		for range 1 + random.IntN(100) {
			file[random.IntN(len(file))] = byte(random.Uint32())
		}
		return file, "random bytes"
	}
}

func TestRandomDamageIsDetected(t *testing.T) {
	seed := rand.Uint64()
	t.Log("seed", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	samples := []sample{newSample(t, 1, 1), newSample(t, 30, 4), newSample(t, 300, 5)}
	w := newWorld(t)
	damaged := 0
	for round := range 5000 {
		sm := samples[random.IntN(len(samples))]
		file, how := damage(sm.file, random)
		how = fmt.Sprintf("round %d, %s", round, how)
		check := func(loaded []string, detected bool) {
			switch {
			case detected:
				for _, record := range loaded {
					if !sm.written[record] {
						t.Fatalf("%s: loaded a record that was never written: %.100q", how, record)
					}
				}
			case len(file) > 0 && !slices.Equal(loaded, sm.records):
				t.Fatalf("%s: the damage was not detected", how)
			}
		}
		if round%20 > 0 { // most rounds do not use the disk
			var loaded []string
			found := readFile(bytes.NewReader(file), int64(len(file)))
			for _, r := range found.records {
				loaded = append(loaded, fmt.Sprintf("%d %s=%s", r.Kind, r.Key, r.Value))
			}
			check(loaded, found.damage != nil)
			continue
		}

		w.openDamaged(file, how)
		loaded := w.loaded
		check(loaded, w.damage != nil)
		if w.damage != nil {
			damaged++
			os.Remove(w.damage[0].MovedTo)
		}
		w.wait(w.Commit([]Change{set(200, "new", how)}))
		w.expect(how, w.reopened(), append(loaded, "200 new="+how)...)
		if w.damage != nil {
			t.Fatalf("%s: %v", how, w.damage)
		}
		w.close()
	}
	if damaged < 50 {
		t.Errorf("only %d of 250 files were found damaged", damaged)
	}
}

func TestWriteRebuildsDamagedFile(t *testing.T) {
	sm := newSample(t, 300, 5)
	for name, damage := range map[string]func(f *os.File) error{
		"truncated": func(f *os.File) error { return f.Truncate(pageSize) },
		"overwritten": func(f *os.File) error {
			_, err := f.WriteAt(bytes.Repeat([]byte{0xFF}, len(sm.file)-2*pageSize), 2*pageSize)
			return err
		},
		"zeros": func(f *os.File) error {
			_, err := f.WriteAt(make([]byte, len(sm.file)), 0)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.options.Rebuild = func() []Change {
				return []Change{set(1, "a", "rebuilt"), set(1, "b", "later")} // takes precedence over the commit
			}
			w.openDamaged(sm.file, name)
			f, err := os.OpenFile(w.path, os.O_RDWR, 0)
			if err == nil {
				err = errors.Join(damage(f), f.Close())
			}
			if err != nil {
				t.Fatal(err)
			}
			w.wait(w.Commit([]Change{set(1, "b", "committed"), del(1, "c"), del(1, "key 000")}))
			if len(w.damage) != 1 || w.damage[0].MovedTo == "" || w.damage[0].Kept != 2 {
				t.Errorf("damage: %v", w.damage)
			}
			w.expect("records", w.reopened(), "1 a=rebuilt", "1 b=later")
		})
	}
}

func TestWriteWithoutRebuildKeepsRecordsOfDamagedFile(t *testing.T) {
	w := newWorld(t)
	w.open()
	w.wait(w.Commit([]Change{set(1, "a", "1"), set(1, "b", "1")}))
	w.close()
	// The first write finds damage. Then the disk is full for two writes.
	faults := []func() error{
		func() error { panic("page 7 already freed") },
		func() error { return errors.New("disk full") },
		func() error { return errors.New("disk full") },
	}
	var at atomic.Int64
	w.options.fault = func() error {
		if i := int(at.Add(1)) - 1; i < len(faults) {
			return faults[i]()
		}
		return nil
	}
	w.open()
	if err := w.Commit([]Change{set(1, "b", "2")}).Wait(t.Context()); err == nil || err.Error() != "disk full" {
		t.Errorf("error %v", err)
	}
	if err := w.Commit([]Change{set(1, "c", "3")}).Wait(t.Context()); err == nil || err.Error() != "disk full" {
		t.Errorf("error %v", err)
	}
	w.wait(w.Commit([]Change{set(1, "d", "4")}))
	if len(w.damage) != 1 || w.damage[0].Err.Error() != "page 7 already freed" || w.damage[0].Kept != 4 {
		t.Errorf("damage: %v", w.damage)
	}
	w.expect("records", w.reopened(), "1 a=1", "1 b=2", "1 c=3", "1 d=4")
}

func TestOpenCompactsLargeFile(t *testing.T) {
	w := newWorld(t)
	w.options.Load = nil
	w.open()
	value := strings.Repeat("x", 1<<20)
	var all []Change
	for i := range 70 {
		all = append(all, set(1, fmt.Sprint(i), value))
	}
	w.wait(w.Commit(all))
	before, err := os.Stat(w.path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 60 {
		w.Commit([]Change{del(1, fmt.Sprint(i))})
	}
	w.options.Load = func(r Record) error {
		w.loaded = append(w.loaded, r.Key)
		return nil
	}
	w.expect("records", w.reopened(), "60", "61", "62", "63", "64", "65", "66", "67", "68", "69")
	after, err := os.Stat(w.path)
	if err != nil {
		t.Fatal(err)
	}
	if before.Size() <= compactAbove || after.Size() > before.Size()/2 {
		t.Errorf("got %d bytes after compaction, %d before", after.Size(), before.Size())
	}
	w.expect("records", w.reopened(), "60", "61", "62", "63", "64", "65", "66", "67", "68", "69")
	w.expect("the directory", w.files(), "records")
}
