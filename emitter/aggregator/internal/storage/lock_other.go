//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package storage

import (
	"errors"
	"os"
)

// tryLock fails: bbolt's lock cannot be shared with it here.
func tryLock(*os.File) (bool, error) { return false, errors.ErrUnsupported }
