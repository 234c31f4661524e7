package process

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

func TestOctets(t *testing.T) {
	for _, c := range []struct {
		content               string
		received, transmitted float64
	}{
		{"TcpExt: A InOctets\nTcpExt: 1 2\nIpExt: InNoRoutes InOctets OutOctets\nIpExt: 3 4000000000000 5\n", 4e12, 5},
		{"IpExt: OutOctets InNoRoutes\nIpExt: 5 3\nMPTcpExt: InOctets\nMPTcpExt: 9\n", 0, 5},
		{"IpExt: A InOctets OutOctets\nIpExt: 1\n", 0, 0},
		{"IpExt: InOctets\nIpExt: x\n", 0, 0},
		{"IpExt: InOctets\n", 0, 0},
		{"", 0, 0},
	} {
		if received, transmitted := octets([]byte(c.content)); received != c.received || transmitted != c.transmitted {
			t.Errorf("%q: got %v and %v, want %v and %v", c.content, received, transmitted, c.received, c.transmitted)
		}
	}
}

// A file must be read completely, again each time, and again after an error.
func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	f := file{path: path}
	read := func() (content string) {
		f.read(func(b []byte) { content = string(b) })
		return content
	}
	if got := read(); got != "" {
		t.Errorf("got %q without a file", got)
	}
	for _, size := range []int{3, 100_000, 16 << 10, 0, 5} {
		want := make([]byte, size)
		for i := range want {
			want[i] = byte('a' + i%26)
		}
		if err := os.WriteFile(path, want, 0o600); err != nil {
			t.Fatal(err)
		}
		if got := read(); got != string(want) {
			t.Errorf("got %d bytes, want %d", len(got), size)
		}
	}
	f.opened.Close()
	f.opened, _ = os.Open(t.TempDir()) // reading a directory fails
	if got := read(); got != "" {
		t.Errorf("got %q from a directory", got)
	}
	if got := read(); got != "abcde" {
		t.Errorf("got %q after an error", got)
	}
}

// The start time must be read again when the system's clock was set.
func TestStartTime(t *testing.T) {
	r := newReader()
	at := r.startTime()
	r.started = 7
	if got := r.startTime(); got != 7 {
		t.Errorf("got %v, want 7 without reading it again", got)
	}
	r.booted -= time.Second
	if got := r.startTime(); got != at {
		t.Errorf("got %v after the clock was set, want %v", got, at)
	}
}

func TestUnreadableValuesAreOmitted(t *testing.T) {
	c := newCollector(original(), func(v *values) { v.set(maxFDs, 7) })
	registry := prometheus.NewRegistry()
	registry.MustRegister(c)
	got := gather(t, registry)
	if len(got) != 1 || got[0].GetName() != "process_max_fds" || valueOf(got[0]) != 7 {
		t.Errorf("got %v", got)
	}
}
