package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

const (
	fileMode = 0o600

	// lockTimeout is how long Open waits for the lock of another process, which may be
	// about to exit.
	lockTimeout = time.Second
	lockPoll    = 50 * time.Millisecond
)

// bucketName is the name of the only bucket of a file.
var bucketName = []byte("records")

// openLocked opens the file at the path, or creates an empty one, and locks it. If the
// path is a symbolic link, openLocked sets it to the target, so that Storage.replace
// replaces the target and not the link.
func openLocked(path *string) (*os.File, error) {
	for deadline := time.Now().Add(lockTimeout); ; {
		if info, err := os.Stat(*path); err == nil && !info.Mode().IsRegular() {
			if info.IsDir() {
				return nil, errors.New("is a directory")
			}
			return nil, errors.New("is not a regular file")
		}
		f, err := os.OpenFile(*path, os.O_RDWR|os.O_CREATE, fileMode)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("the directory %s does not exist", filepath.Dir(*path))
		}
		if err != nil {
			return nil, withoutPath(err)
		}
		// This must come after OpenFile, which may have created the target of a link.
		if target, err := filepath.EvalSymlinks(*path); err == nil {
			*path = target
		}
		for {
			locked, err := tryLock(f)
			if err != nil {
				f.Close()
				return nil, fmt.Errorf("locking the file: %w", err)
			}
			if locked {
				break
			}
			if time.Now().After(deadline) {
				f.Close()
				return nil, errors.New("in use by another process")
			}
			time.Sleep(lockPoll)
		}
		// The previous holder of the lock may have replaced the file.
		opened, err := f.Stat()
		if current, statErr := os.Stat(*path); err == nil && statErr == nil && os.SameFile(opened, current) {
			return f, nil
		}
		f.Close()
	}
}

// withoutPath removes the operation and the path from an error of package os.
func withoutPath(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}

// openBolt opens a database in a file that is sound or empty. If bbolt returns an
// error, it has closed the file; if bbolt panics, openBolt returns a damageError and
// the file remains open.
//
// NoFreelistSync must not be set: without a list of free pages in the file, bbolt
// searches for them whenever it opens the file and whenever a write fails, in its own
// goroutine, where a panic cannot be recovered.
func openBolt(f *os.File) (db *bbolt.DB, err error) {
	err = guard(func() error {
		db, err = bbolt.Open(f.Name(), fileMode, &bbolt.Options{
			OpenFile:     func(string, int, os.FileMode) (*os.File, error) { return f, nil },
			Timeout:      lockTimeout,
			PageSize:     pageSize,
			FreelistType: bbolt.FreelistMapType,
			NoStatistics: true,
		})
		return err
	})
	return db, err
}

// replace replaces the file with a new one that contains the batch, and uses it from
// then on. If the old file is damaged, replace keeps it under another name. At any
// moment, the path leads to either the old file or the complete new one.
func (s *Storage) replace(b *batch) error {
	name := s.path + ".new"
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return err
	}
	db, err := openBolt(f) // this also locks the file
	if err == nil {
		err = guard(func() error { return update(db, b, s.options.fault) })
	}
	movedTo := ""
	if err == nil && s.damage != nil {
		movedTo, err = keepDamaged(s.path)
	}
	if err == nil {
		err = os.Rename(name, s.path)
	}
	if err != nil {
		os.Remove(name)
		if db != nil && !isDamage(err) {
			db.Close()
		}
		f.Close()
		return err
	}

	s.file.Close()
	damage := s.damage
	s.file, s.db, s.damage = f, db, nil
	if damage != nil && s.options.Damaged != nil {
		s.options.Damaged(Damage{Err: damage, MovedTo: movedTo, Kept: b.records()})
	}
	return syncDir(s.path)
}

// keepDamaged gives the damaged file a name that contains the current time, and returns
// it. It returns the empty string if there is no file at the path.
func keepDamaged(path string) (string, error) {
	base := path + ".damaged-" + time.Now().UTC().Format("20060102T150405Z")
	for i := 1; ; i++ {
		name := base
		if i > 1 {
			name = fmt.Sprintf("%s-%d", base, i)
		}
		if _, err := os.Lstat(name); err == nil {
			continue
		}
		err := os.Link(path, name)
		switch {
		case errors.Is(err, fs.ErrExist):
			continue
		case errors.Is(err, fs.ErrNotExist): // another program has removed the file
			return "", nil
		case err != nil: // the file system may have no hard links
			err = os.Rename(path, name)
		}
		if err == nil {
			err = syncDir(path)
		}
		return name, err
	}
}

// syncDir syncs the directory that contains the path, so that renames in it are
// durable.
func syncDir(path string) error {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// update applies the batch in one transaction.
func update(db *bbolt.DB, b *batch, fault func() error) error {
	tx, err := db.Begin(true)
	if err != nil {
		return err
	}
	if err := apply(tx, b, fault); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// apply applies the batch to a transaction.
func apply(tx *bbolt.Tx, b *batch, fault func() error) error {
	if b.wipe {
		if err := tx.DeleteBucket(bucketName); err != nil && !errors.Is(err, bolterrors.ErrBucketNotFound) {
			return err
		}
		if _, err := tx.CreateBucket(bucketName); err != nil {
			return err
		}
	}
	bucket := tx.Bucket(bucketName)
	if bucket == nil {
		panic(fmt.Sprintf("the bucket %q is missing", bucketName))
	}
	for _, key := range slices.Sorted(maps.Keys(b.changes)) { // adjacent keys share pages
		var err error
		if sealed := b.changes[key].sealed; sealed != nil {
			err = bucket.Put([]byte(key), sealed)
		} else {
			err = bucket.Delete([]byte(key))
		}
		if err != nil {
			return err
		}
	}
	if fault != nil {
		return fault()
	}
	return nil
}

// A damageError is a panic in bbolt, or a fault in the memory to which it maps the
// file. Both mean that the file is damaged.
type damageError struct{ cause any }

func (e damageError) Error() string { return fmt.Sprint(e.cause) }

func isDamage(err error) bool {
	var p damageError
	return errors.As(err, &p)
}

// guard calls f, and returns a damageError if it panics or faults.
func guard(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = damageError{p}
		}
	}()
	return f()
}
