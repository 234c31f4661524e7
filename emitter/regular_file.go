package emitter

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// maxFileBytes is how large a file may be that is read as a whole. A thousand rules
// have a few hundred kilobytes.
const maxFileBytes = 8 << 20

// ReadRegularFile reads a configuration file as a whole, at once or not at all: what
// is no regular file could keep its reader waiting for ever, or never end. It fails
// for such a file, and for one of more than 8 MiB. The error names the file; if it
// cannot be opened or read, it is a *fs.PathError. It is safe for concurrent use.
func ReadRegularFile(file string) ([]byte, error) {
	// A named pipe is opened without waiting for somebody who writes.
	f, err := os.OpenFile(file, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is %s, want a regular file", file, describeMode(info.Mode()))
	}
	content, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err != nil {
		return nil, err
	}
	if len(content) > maxFileBytes {
		return nil, fmt.Errorf("%s has more than %d MiB, want a smaller file", file, maxFileBytes>>20)
	}
	return content, nil
}

// describeMode says what a file is that is not regular.
func describeMode(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a directory"
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case mode&fs.ModeDevice != 0:
		return "a device"
	default:
		return "something else"
	}
}
