package process

import (
	"bytes"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

// A reader reads the values of the metrics. It is safe for concurrent use.
type reader struct {
	proc    procfs.Proc
	memory  file
	network file

	mu      sync.Mutex    // protects the following fields
	booted  time.Duration // the system's start, since 1970
	started float64       // the process's start in seconds since 1970; 0 if it is unknown
}

// newReader returns nil if there is no /proc.
func newReader() *reader {
	proc, err := procfs.Self()
	if err != nil {
		return nil
	}
	return &reader{proc: proc, memory: file{path: "/proc/self/statm"}, network: file{path: "/proc/self/net/netstat"}}
}

func (r *reader) read(v *values) {
	var usage unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &usage) == nil {
		v.set(cpuSeconds, time.Duration(usage.Utime.Nano()+usage.Stime.Nano()).Seconds())
	}
	if n, err := r.proc.FileDescriptorsLen(); err == nil {
		v.set(openFDs, float64(n))
	}
	setLimit(v, maxFDs, unix.RLIMIT_NOFILE)
	setLimit(v, maxVirtualMemory, unix.RLIMIT_AS)
	r.memory.read(func(content []byte) {
		if virtual, rest, ok := bytes.Cut(content, []byte(" ")); ok {
			resident, _, _ := bytes.Cut(rest, []byte(" "))
			setPages(v, virtualMemory, virtual)
			setPages(v, residentMemory, resident)
		}
	})
	if at := r.startTime(); at > 0 {
		v.set(startTime, at)
	}
	r.network.read(func(content []byte) {
		received, transmitted := octets(content)
		v.set(receivedBytes, received)
		v.set(transmittedBytes, transmitted)
	})
}

func setLimit(v *values, metric, resource int) {
	var limit unix.Rlimit
	if unix.Getrlimit(resource, &limit) == nil {
		v.set(metric, float64(limit.Cur))
	}
}

func setPages(v *values, metric int, pages []byte) {
	if n, err := strconv.ParseUint(string(pages), 10, 64); err == nil {
		v.set(metric, float64(n)*float64(os.Getpagesize()))
	}
}

// startTime returns when the process started, in seconds since 1970. It depends on when
// the system started, which changes if the system's clock is set. It is expensive to
// read, so startTime reads it again only in this case.
func (r *reader) startTime() float64 {
	var wall, sinceBoot unix.Timespec
	if unix.ClockGettime(unix.CLOCK_REALTIME, &wall) != nil || unix.ClockGettime(unix.CLOCK_BOOTTIME, &sinceBoot) != nil {
		return 0
	}
	booted := time.Duration(wall.Nano() - sinceBoot.Nano())

	r.mu.Lock()
	defer r.mu.Unlock()
	if r.started == 0 || (booted-r.booted).Abs() > 100*time.Millisecond {
		r.started, r.booted = 0, booted
		if stat, err := r.proc.Stat(); err == nil {
			if at, err := stat.StartTime(); err == nil {
				r.started = at
			}
		}
	}
	return r.started
}

// octets returns the bytes that were received and transmitted according to the content
// of /proc/self/net/netstat, where a line of names precedes each line of values. Like
// client_golang, it returns 0 for those that the content lacks.
func octets(content []byte) (received, transmitted float64) {
	prefix := []byte("IpExt: ")
	var names []byte
	for line := range bytes.Lines(content) {
		fields, ok := bytes.CutPrefix(line, prefix)
		switch {
		case !ok:
		case names == nil:
			names = fields
		default:
			return field(names, fields, "InOctets"), field(names, fields, "OutOctets")
		}
	}
	return 0, 0
}

// field returns the value of the field with the name, or 0.
func field(names, fields []byte, name string) float64 {
	for len(names) > 0 && len(fields) > 0 {
		var n, value []byte
		n, names, _ = bytes.Cut(names, []byte(" "))
		value, fields, _ = bytes.Cut(fields, []byte(" "))
		if string(bytes.TrimSpace(n)) == name {
			v, _ := strconv.ParseFloat(string(bytes.TrimSpace(value)), 64)
			return v
		}
	}
	return 0
}

// A file is a file of /proc. It stays open, because opening it can take longer than
// reading it. Each read returns the current content.
type file struct {
	path string

	mu      sync.Mutex // protects the following fields
	opened  *os.File   // nil before the first read, and after an error
	content []byte     // a buffer
}

// read calls use with the content. It does nothing if the file cannot be read.
func (f *file) read(use func(content []byte)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.opened == nil {
		var err error
		if f.opened, err = os.Open(f.path); err != nil {
			return
		}
	}
	for length := 0; ; {
		if length == len(f.content) {
			f.content = append(f.content, make([]byte, max(length, 16<<10))...)
		}
		n, err := unix.Pread(int(f.opened.Fd()), f.content[length:], int64(length))
		switch {
		case err == unix.EINTR:
		case err != nil:
			f.opened.Close()
			f.opened = nil
			return
		case n == 0:
			use(f.content[:length])
			return
		default:
			length += n
		}
	}
}
