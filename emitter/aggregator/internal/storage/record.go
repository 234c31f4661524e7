package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// A Record is a value that is identified by its kind and key.
type Record struct {
	Kind  byte
	Key   string
	Value []byte
}

// In the file, a record's key consists of its kind and key. Its value is sealed: a
// version and a checksum of the version, the key and the value precede it, since
// bbolt's pages have no checksums.
const (
	sealVersion = 1
	sealSize    = 1 + crc32.Size
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errChecksum = errors.New("the checksum is wrong")

// A versionError is the error of a record with a valid checksum but an unknown version.
type versionError struct{ version byte }

func (e versionError) Error() string {
	return fmt.Sprintf("got format %d, expected %d: a newer version of this program wrote the file", e.version, sealVersion)
}

// fileKey returns the record's key in the file.
func (r Record) fileKey() string { return string([]byte{r.Kind}) + r.Key }

// seal returns the value as it is stored in the file under the key.
func seal(key string, value []byte) []byte {
	b := make([]byte, sealSize, sealSize+len(value))
	b[0] = sealVersion
	binary.LittleEndian.PutUint32(b[1:], checksum(sealVersion, []byte(key), value))
	return append(b, value...)
}

// unseal returns the record with the key and the sealed value in the file. The key must
// not be empty. The error is errChecksum or a versionError.
func unseal(key, b []byte) (Record, error) {
	if len(b) < sealSize {
		return Record{}, errChecksum
	}
	version, value := b[0], b[sealSize:]
	if binary.LittleEndian.Uint32(b[1:]) != checksum(version, key, value) {
		return Record{}, errChecksum
	}
	if version != sealVersion {
		return Record{}, versionError{version}
	}
	return Record{Kind: key[0], Key: string(key[1:]), Value: value[:len(value):len(value)]}, nil
}

// checksum returns the checksum of the version, the key and the value. It includes the
// length of the key, so that moving a byte from the key to the value changes it.
func checksum(version byte, key, value []byte) uint32 {
	var head [5]byte
	head[0] = version
	binary.LittleEndian.PutUint32(head[1:], uint32(len(key)))
	sum := crc32.Update(0, castagnoli, head[:])
	sum = crc32.Update(sum, castagnoli, key)
	return crc32.Update(sum, castagnoli, value)
}
