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

	// lockTimeout is how long Open waits for another process to end.
	lockTimeout = time.Second
	lockPoll    = 50 * time.Millisecond
)

// bucketName is the only bucket of a file.
var bucketName = []byte("records")

// openLocked opens the file at the path, or makes an empty one, and locks it. It
// follows symbolic links, so that what gets another name later is the file.
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
		// Not before: a link may lead to a file that was only made just now.
		if target, err := filepath.EvalSymlinks(*path); err == nil {
			*path = target
		}
		for {
			locked, err := tryLock(f)
			if err != nil {
				f.Close()
				return nil, fmt.Errorf("cannot be locked: %w", err)
			}
			if locked {
				break
			}
			if time.Now().After(deadline) {
				f.Close()
				return nil, errors.New("another process uses it")
			}
			time.Sleep(lockPoll)
		}
		// Whoever had the lock may have put another file in its place.
		mine, err := f.Stat()
		if current, statErr := os.Stat(*path); err == nil && statErr == nil && os.SameFile(mine, current) {
			return f, nil
		}
		f.Close()
	}
}

func withoutPath(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}

// openBolt opens a file that is sound or empty. If it fails, the file is closed,
// but not if it panics.
//
// bbolt must write its list of free pages: if it did not, it would look for them
// each time it opens the file and each time a write fails, in a goroutine of its own
// where no panic can be caught.
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

// replace puts a new file in the place of the one at the path, with what is in the
// batch, and makes it the storage's. If there is damage, the old file is kept under
// another name. At any moment, either the old file is at the path, or the new one as
// a whole.
func (s *Storage) replace(b *batch) error {
	name := s.path + ".new"
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return err
	}
	db, err := openBolt(f) // locks it, too
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

// keepDamaged gives the file a name that says when it was found damaged.
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
		case errors.Is(err, fs.ErrNotExist): // somebody took it away
			return "", nil
		case err != nil: // a file system without hard links
			err = os.Rename(path, name)
		}
		if err == nil {
			err = syncDir(path)
		}
		return name, err
	}
}

// syncDir makes the names in the path's directory durable.
func syncDir(path string) error {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// update makes the batch's changes in one transaction.
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
		panic(fmt.Sprintf("the bucket %q is gone", bucketName))
	}
	for _, key := range slices.Sorted(maps.Keys(b.changes)) { // neighbours share pages
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

// A damageError is a panic of bbolt's, or a fault in the memory to which it maps the
// file: the file is not what it should be.
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
