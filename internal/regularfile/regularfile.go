// Package regularfile reads configuration files without blocking on special files.
package regularfile

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// MaxBytes is the maximum size of a file. For comparison, a mapping file with a
// thousand rules has a few hundred kilobytes.
const MaxBytes = 8 << 20

// Read returns the content of a regular file. It returns an error, without blocking, if
// the file is a named pipe, a device, or a directory, or if it is larger than MaxBytes.
// If the file cannot be opened or read, the error is a *fs.PathError. All errors
// contain the name of the file.
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
		return nil, fmt.Errorf("%s is too large, expected at most %d MiB", file, MaxBytes>>20)
	}
	return content, nil
}

// describeMode describes the type of a file that is not a regular file.
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
