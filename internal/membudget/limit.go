package membudget

import (
	"bufio"
	"bytes"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
)

// assumedMemory is the size of the physical memory where it cannot be determined.
const assumedMemory = 4 << 30

// Apply returns the memory limit of the process in bytes. That is the given limit or,
// if it is 0, the default: GOMEMLIMIT if it is set, else the limit of the process's
// cgroup, else half of the physical memory. Unless GOMEMLIMIT is set, Apply also sets
// the soft limit of Go's runtime, to 90 % of the limit, because the process needs some
// memory that the runtime does not manage.
func Apply(given int64) int64 {
	return apply(given, os.DirFS("/"), debug.SetMemoryLimit)
}

func apply(given int64, root fs.FS, setSoft func(int64) int64) int64 {
	soft := setSoft(-1) // only returns it
	limit := given
	switch {
	case soft != math.MaxInt64: // set by GOMEMLIMIT
		if limit == 0 {
			limit = soft
		}
		return limit
	case limit == 0:
		limit = defaultLimit(root)
	}
	setSoft(limit / 10 * 9)
	return limit
}

// defaultLimit returns the limit of the process's cgroup or, if there is none, half of
// the physical memory.
func defaultLimit(root fs.FS) int64 {
	half := physicalMemory(root) / 2
	if limit := cgroupLimit(root); limit < 2*half {
		return limit
	}
	return half
}

// physicalMemory returns the size of the physical memory in bytes.
func physicalMemory(root fs.FS) int64 {
	text, _ := fs.ReadFile(root, "proc/meminfo")
	var kilobytes int64
	for line := range strings.Lines(string(text)) {
		if n, _ := fmt.Sscanf(line, "MemTotal: %d kB", &kilobytes); n == 1 {
			return kilobytes << 10
		}
	}
	return assumedMemory
}

// cgroupLimit returns the memory limit of the process's cgroup (version 2 or 1) and of
// the cgroups above it, or math.MaxInt64 if there is none.
func cgroupLimit(root fs.FS) int64 {
	text, _ := fs.ReadFile(root, "proc/self/cgroup")
	limit := int64(math.MaxInt64)
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		// Such as "0::/system.slice/signalbox.service" in version 2, and
		// "9:cpu,memory:/docker/1f3c" in version 1.
		number, rest, _ := strings.Cut(lines.Text(), ":")
		controllers, group, _ := strings.Cut(rest, ":")
		switch {
		case number == "0" && controllers == "":
			limit = min(limit, lowestLimit(root, "sys/fs/cgroup", group, "memory.max"))
		case containsController(controllers, "memory"):
			limit = min(limit, lowestLimit(root, "sys/fs/cgroup/memory", group, "memory.limit_in_bytes"))
		}
	}
	return limit
}

func containsController(controllers, name string) bool {
	return strings.Contains(","+controllers+",", ","+name+",")
}

// lowestLimit returns the lowest limit of the group and of those above it. In a
// container, the path of the group can be that on the host; then only the mount point
// itself has a limit.
func lowestLimit(root fs.FS, mount, group, file string) int64 {
	limit := int64(math.MaxInt64)
	for group = path.Clean("/" + group); ; group = path.Dir(group) {
		text, err := fs.ReadFile(root, path.Join(mount, group, file))
		// Version 2 writes "max" if there is no limit, version 1 a very large number.
		if n, parseErr := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && parseErr == nil && n > 0 {
			limit = min(limit, n)
		}
		if group == "/" {
			return limit
		}
	}
}
