// Package regularfile reads configuration files.
package regularfile

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// MaxBytes is the maximum size of a file. A mapping file with a thousand rules has a
// few hundred kilobytes.
const MaxBytes = 8 << 20

// Read returns the content of a regular file. It does not block: it returns an error
// for a named pipe, a device, a directory, and a file of more than MaxBytes. The error
// names the file. If the file cannot be opened or read, it is a *fs.PathError.
func Read(file string) ([]byte, error) {
	// Without O_NONBLOCK, opening a named pipe waits for a writer.
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
		return nil, fmt.Errorf("%s is %s, expected a regular file", file, describeMode(info.Mode()))
	}
	content, err := io.ReadAll(io.LimitReader(f, MaxBytes+1))
	if err != nil {
		return nil, err
	}
	if len(content) > MaxBytes {
		return nil, fmt.Errorf("%s is larger than %d MiB, which is the limit", file, MaxBytes>>20)
	}
	return content, nil
}

// describeMode returns the kind of a file that is not regular.
func describeMode(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a directory"
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case mode&fs.ModeDevice != 0:
		return "a device"
	default:
		return "a special file"
	}
}
