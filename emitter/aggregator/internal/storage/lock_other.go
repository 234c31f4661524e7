//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package storage

import (
	"errors"
	"os"
)

// tryLock returns errors.ErrUnsupported: on this platform, the lock cannot be shared
// with bbolt.
func tryLock(*os.File) (bool, error) { return false, errors.ErrUnsupported }
