package storage

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.etcd.io/bbolt"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if path := os.Getenv("STORAGE_TEST_CHILD"); path != "" {
		commitUntilKilled(path)
	}
	goleak.VerifyTestMain(m)
}

// A world is a storage in a temporary directory, and the arguments of its callbacks.
type world struct {
	t       *testing.T
	path    string
	options Options

	*Storage
	loaded []string // "kind key=value"
	damage []Damage
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, path: filepath.Join(t.TempDir(), "records")}
	w.options.Load = func(r Record) error {
		w.loaded = append(w.loaded, fmt.Sprintf("%d %s=%s", r.Kind, r.Key, r.Value))
		return nil
	}
	w.options.Damaged = func(d Damage) { w.damage = append(w.damage, d) }
	return w
}

func (w *world) open() {
	w.t.Helper()
	w.loaded, w.damage = nil, nil
	s, err := Open(w.path, w.options)
	if err != nil {
		w.t.Fatal(err)
	}
	w.Storage = s
	w.t.Cleanup(func() { s.Close() })
}

func (w *world) close() {
	w.t.Helper()
	if err := w.Close(); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) wait(tickets ...*Ticket) {
	w.t.Helper()
	for _, ticket := range tickets {
		if err := ticket.Wait(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
	}
}

// reopened closes the storage, opens it again and returns the loaded records.
func (w *world) reopened() []string {
	w.t.Helper()
	w.close()
	w.open()
	return w.loaded
}

func (w *world) expect(what string, got []string, want ...string) {
	w.t.Helper()
	if !slices.Equal(got, want) {
		w.t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}

func (w *world) files() (names []string) {
	entries, err := os.ReadDir(filepath.Dir(w.path))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func set(kind byte, key, value string) Change {
	return Change{Kind: kind, Key: key, Value: func() []byte { return []byte(value) }}
}

func del(kind byte, key string) Change { return Change{Kind: kind, Key: key} }

// A gate blocks each write until the test sends its result.
type gate struct {
	arrived chan struct{}
	result  chan error
}

func newGate() *gate { return &gate{make(chan struct{}), make(chan error)} }

func (g *gate) fault() error {
	g.arrived <- struct{}{}
	return <-g.result
}

func TestRecordsRemainAfterReopening(t *testing.T) {
	w := newWorld(t)
	w.open()
	w.expect("a new storage", w.loaded)
	w.wait(
		w.Commit([]Change{set(2, "b", "old"), set(200, "", "empty key"), set(1, "z", "")}),
		w.Commit([]Change{set(2, "b", "new"), set(2, "a", "x"), set(2, "gone", "x"), del(2, "gone"), del(2, "never")}),
	)
	w.expect("after reopening", w.reopened(), "1 z=", "2 a=x", "2 b=new", "200 =empty key")
	w.wait(w.Commit([]Change{del(2, "b")}))
	w.wait(w.Commit(nil))
	w.expect("after a delete", w.reopened(), "1 z=", "2 a=x", "200 =empty key")
	w.expect("the directory", w.files(), "records")
	if info, err := os.Stat(w.path); err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, error %v", info.Mode(), err)
	}
	if w.damage != nil {
		t.Errorf("damage: %v", w.damage)
	}
}

func TestWipeIsOrderedWithCommits(t *testing.T) {
	w := newWorld(t)
	w.open()
	w.wait(w.Commit([]Change{set(1, "on disk", "x")}))
	w.Commit([]Change{set(1, "before", "x")})
	w.Wipe()
	w.wait(w.Commit([]Change{set(1, "after", "x")}))
	w.expect("records", w.reopened(), "1 after=x")
	w.wait(w.Wipe())
	w.expect("records", w.reopened())
}

func TestCloseWritesCommittedChangesAndRejectsLaterOnes(t *testing.T) {
	w := newWorld(t)
	w.open()
	for i := range 100 {
		w.Commit([]Change{set(1, "k", fmt.Sprint(i))})
	}
	w.expect("records", w.reopened(), "1 k=99")
	w.close()
	w.close()
	if err := w.Commit([]Change{set(1, "k", "late")}).Wait(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("error %v", err)
	}
	if err := w.Wipe().Wait(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("error %v", err)
	}
}

func TestCommitsDuringWriteShareNextWrite(t *testing.T) {
	w := newWorld(t)
	w.open() // creates the file without the gate
	w.close()
	g, flushed, calls := newGate(), []int(nil), map[string]int{}
	w.options.fault = g.fault
	w.options.Flushed = func(records int, _ time.Duration, err error) { flushed = append(flushed, records) }
	w.open()
	count := func(key, value string) Change {
		return Change{Kind: 1, Key: key, Value: func() []byte { calls[key+value]++; return []byte(value) }}
	}
	first := w.Commit([]Change{count("a", "0")})
	<-g.arrived
	var tickets []*Ticket
	for i := range 10 {
		tickets = append(tickets, w.Commit([]Change{count("a", fmt.Sprint(i+1)), count("b", fmt.Sprint(i+1))}))
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := first.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
	g.result <- nil
	w.wait(first)
	<-g.arrived
	g.result <- nil
	w.wait(tickets...)
	w.close()
	if want := map[string]int{"a0": 1, "a10": 1, "b10": 1}; !maps.Equal(calls, want) {
		t.Errorf("calls of Value: %v, want %v", calls, want)
	}
	if want := []int{1, 2}; !slices.Equal(flushed, want) {
		t.Errorf("flushed %v, want %v", flushed, want)
	}
}

func TestFailedWriteIsRetried(t *testing.T) {
	full := errors.New("no space left on device")
	for name, last := range map[string]struct {
		then func(w *world)
		want []string
	}{
		"after a pause":        {func(w *world) { w.wait(w.Commit(nil)) }, []string{"1 a=1", "1 b=1"}},
		"with the next commit": {func(w *world) { w.wait(w.Commit([]Change{set(1, "b", "2")})) }, []string{"1 a=1", "1 b=2"}},
		"unless deleted":       {func(w *world) { w.wait(w.Commit([]Change{del(1, "b")})) }, []string{"1 a=1"}},
		"unless wiped":         {func(w *world) { w.wait(w.Wipe()) }, nil},
		"by Close":             {(*world).close, []string{"1 a=1", "1 b=1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.open()
			w.wait(w.Commit([]Change{set(1, "old", "x")}))
			w.close()
			var broken atomic.Bool
			var errs atomic.Int64
			w.options.fault = func() error {
				if broken.Load() {
					return full
				}
				return nil
			}
			w.options.Flushed = func(_ int, _ time.Duration, err error) {
				if err != nil {
					errs.Add(1)
				}
			}
			w.open()
			broken.Store(true)
			// The wipe also fails at first, and must not be lost.
			w.Wipe()
			if err := w.Commit([]Change{set(1, "a", "1"), set(1, "b", "1")}).Wait(t.Context()); !errors.Is(err, full) {
				t.Fatalf("error %v", err)
			}
			broken.Store(false)
			last.then(w)
			w.expect("records", w.reopened(), last.want...)
			if errs.Load() == 0 {
				t.Error("Flushed received no error")
			}
		})
	}
}

func TestCloseReturnsWriteError(t *testing.T) {
	w := newWorld(t)
	w.open()
	w.close()
	full := errors.New("no space left on device")
	w.options.fault = func() error { return full }
	w.open()
	ticket := w.Commit([]Change{set(1, "a", "1")})
	if err := w.Close(); !errors.Is(err, full) {
		t.Errorf("error %v", err)
	}
	if err := ticket.Wait(t.Context()); !errors.Is(err, full) {
		t.Errorf("error %v", err)
	}
	w.options.fault = nil
	w.open()
	w.expect("records", w.loaded)
}

func TestCommitWithTooLongKeyIsRejected(t *testing.T) {
	w := newWorld(t)
	w.open()
	longest := strings.Repeat("k", bbolt.MaxKeySize-1)
	err := w.Commit([]Change{set(1, "a", "1"), set(1, longest+"k", "1")}).Wait(t.Context())
	if err == nil || !strings.Contains(err.Error(), "got a key of 32768 bytes, expected at most 32767") {
		t.Errorf("error %v", err)
	}
	w.wait(w.Commit([]Change{set(1, longest, "1")}))
	w.expect("records", w.reopened(), "1 "+longest+"=1")
}

func TestOpenErrors(t *testing.T) {
	w := newWorld(t)
	dir := filepath.Dir(w.path)
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "closed"), nil, 0); err != nil {
		t.Fatal(err)
	}
	w.open()
	for path, want := range map[string]string{
		w.path:                          "in use by another process",
		dir:                             "is a directory",
		filepath.Join(dir, "no", "a"):   "the directory " + filepath.Join(dir, "no") + " does not exist",
		filepath.Join(dir, "file", "a"): "not a directory",
		filepath.Join(dir, "pipe"):      "is not a regular file",
		filepath.Join(dir, "closed"):    "permission denied",
	} {
		if strings.Contains(want, "permission") && os.Getuid() == 0 {
			continue // root can open any file
		}
		s, err := Open(path, Options{})
		if err == nil {
			s.Close()
			t.Errorf("%s: no error", path)
		} else if got := err.Error(); got != "storage file "+path+": "+want {
			t.Errorf("got  %s\nwant storage file %s: %s", got, path, want)
		}
	}
	// The file is also locked after it has been reopened.
	w.reopened()
	if s, err := Open(w.path, Options{}); err == nil {
		s.Close()
		t.Error("no error for a file that is in use")
	}
	w.expect("the directory", w.files(), "closed", "file", "pipe", "records")
}

func TestLoadErrorLeavesFileUnchanged(t *testing.T) {
	w := newWorld(t)
	w.open()
	w.wait(w.Commit([]Change{set(1, "a", "1"), set(1, "b", "1")}))
	w.close()
	bad := errors.New("unknown record")
	s, err := Open(w.path, Options{Load: func(r Record) error { return bad }})
	if !errors.Is(err, bad) || !strings.Contains(err.Error(), `record "a" of kind 1`) {
		t.Errorf("storage %v, error %v", s, err)
	}
	w.expect("records", w.reopened(), "1 a=1", "1 b=1")
}

func TestOpenReturnsErrorForNewerVersion(t *testing.T) {
	w := newWorld(t)
	w.open()
	w.wait(w.Commit([]Change{set(1, "a", "1")}))
	w.close()
	newer := seal("\x01b", []byte("2"))
	newer[0]++
	sum := checksum(newer[0], []byte("\x01b"), []byte("2"))
	newer[1], newer[2], newer[3], newer[4] = byte(sum), byte(sum>>8), byte(sum>>16), byte(sum>>24)
	editBolt(t, w.path, func(tx *bbolt.Tx) error { return tx.Bucket(bucketName).Put([]byte("\x01b"), newer) })
	if s, err := Open(w.path, Options{}); err == nil {
		s.Close()
		t.Error("no error")
	} else if want := "storage file " + w.path + ": got format 2, expected 1: a newer version of this program wrote the file"; err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	w.expect("the directory", w.files(), "records")
}

func editBolt(t *testing.T, path string, edit func(*bbolt.Tx) error) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{PageSize: pageSize})
	if err == nil {
		err = errors.Join(db.Update(edit), db.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestDamagedTargetOfSymbolicLinkIsReplaced(t *testing.T) {
	w := newWorld(t)
	target := filepath.Join(t.TempDir(), "target")
	for _, err := range []error{os.WriteFile(target, []byte("garbage"), 0o600), os.Symlink(target, w.path)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	w.open()
	w.wait(w.Commit([]Change{set(1, "a", "1")}))
	w.expect("records", w.reopened(), "1 a=1")
	if info, err := os.Lstat(w.path); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("mode %v, error %v", info.Mode(), err)
	}
}

func TestMissingTargetOfSymbolicLinkIsCreated(t *testing.T) {
	w := newWorld(t)
	target := filepath.Join(t.TempDir(), "target")
	if err := os.Symlink(target, w.path); err != nil {
		t.Fatal(err)
	}
	w.open()
	w.wait(w.Commit([]Change{set(1, "a", "1")}))
	w.expect("records", w.reopened(), "1 a=1")
	if info, err := os.Lstat(w.path); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link is %v, error %v", info, err)
	}
	if info, err := os.Stat(target); err != nil || info.Size() == 0 {
		t.Errorf("the file is %v, error %v", info, err)
	}
}

// commitUntilKilled runs in the child process of TestAcknowledgedChangesSurviveKill. It
// prints the key of each record that is on disk.
func commitUntilKilled(path string) {
	s, err := Open(path, Options{})
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	var printing sync.Mutex
	for g := range 8 {
		go func() {
			for i := 0; ; i++ {
				key := fmt.Sprintf("%d/%d/%d", os.Getpid(), g, i)
				value := strings.Repeat(key, 1+rand.IntN(300))
				// Each commit writes a pair of records, and every other commit also
				// deletes the previous pair.
				changes := []Change{set(1, key, value), set(2, key, value)}
				if i%2 == 1 {
					before := fmt.Sprintf("%d/%d/%d", os.Getpid(), g, i-1)
					changes = append(changes, del(1, before), del(2, before))
				}
				if err := s.Commit(changes).Wait(context.Background()); err != nil {
					fmt.Println("error:", err)
				}
				printing.Lock()
				fmt.Println(key)
				printing.Unlock()
			}
		}()
	}
	select {}
}

func TestAcknowledgedChangesSurviveKill(t *testing.T) {
	w := newWorld(t)
	w.options.Load = nil
	acknowledged := map[string]bool{}
	for round := range 10 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "STORAGE_TEST_CHILD="+w.path)
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Duration(20+rand.IntN(400))*time.Millisecond, func() { cmd.Process.Kill() })
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			line := lines.Text()
			if strings.HasPrefix(line, "error") {
				t.Error(line)
			}
			acknowledged[line] = true
		}
		_ = cmd.Wait()

		found := map[string]int{}
		w.options.Load = func(r Record) error {
			found[r.Key]++
			if !strings.HasPrefix(string(r.Value), r.Key) {
				t.Errorf("record %s has the value %.40q", r.Key, r.Value)
			}
			return nil
		}
		w.open()
		w.close()
		for key, n := range found {
			if n != 2 {
				t.Errorf("round %d: the file has only one record of the pair %s", round, key)
			}
		}
		for key := range acknowledged {
			var pid, g, i int
			fmt.Sscanf(key, "%d/%d/%d", &pid, &g, &i)
			next := fmt.Sprintf("%d/%d/%d", pid, g, i+1)
			switch deleted := i%2 == 0 && acknowledged[next]; {
			case deleted && found[key] != 0:
				t.Errorf("round %d: %s was deleted, but is in the file", round, key)
			case !deleted && found[key] == 0 && (i%2 == 1 || found[next] == 0):
				t.Errorf("round %d: %s was acknowledged, but is not in the file", round, key)
			}
		}
		if w.damage != nil {
			t.Errorf("round %d: %v", round, w.damage)
		}
	}
	if len(acknowledged) < 100 {
		t.Errorf("only %d records were acknowledged", len(acknowledged))
	}
	t.Log(len(acknowledged), "records")
}

func BenchmarkCommit(b *testing.B) {
	for _, committers := range []int{1, 64} {
		b.Run(fmt.Sprint(committers), func(b *testing.B) {
			s, err := Open(filepath.Join(b.TempDir(), "records"), Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			value := make([]byte, 2048)
			var left atomic.Int64
			left.Store(int64(b.N))
			b.ResetTimer()
			var done sync.WaitGroup
			for g := range committers {
				done.Go(func() {
					for left.Add(-1) >= 0 {
						key := fmt.Sprint(g, "/", rand.IntN(100))
						change := Change{Kind: 1, Key: key, Value: func() []byte { return value }}
						if err := s.Commit([]Change{change}).Wait(b.Context()); err != nil {
							b.Error(err)
						}
					}
				})
			}
			done.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
		})
	}
}
