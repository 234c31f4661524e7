package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// A Record is a value with a kind and a key, which together are its name.
type Record struct {
	Kind  byte
	Key   string
	Value []byte
}

// In the file, a record's key is its kind and key, and its value is sealed: a
// version, a checksum of all there is, and the value. bbolt's pages have none.
const (
	sealVersion = 1
	sealSize    = 1 + crc32.Size
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errChecksum = errors.New("the checksum is wrong")

// A versionError is the error of a record with a good checksum but a version that
// is not known.
type versionError struct{ version byte }

func (e versionError) Error() string {
	return fmt.Sprintf("a newer version of this program wrote it: its format is %d, known is %d", e.version, sealVersion)
}

func (r Record) fileKey() string { return string([]byte{r.Kind}) + r.Key }

func seal(key string, value []byte) []byte {
	b := make([]byte, sealSize, sealSize+len(value))
	b[0] = sealVersion
	binary.LittleEndian.PutUint32(b[1:], checksum(sealVersion, []byte(key), value))
	return append(b, value...)
}

// unseal is the record of a key, which must not be empty, and value in the file.
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

// checksum counts the key's length in, so that no byte of the key can pass for one
// of the value.
func checksum(version byte, key, value []byte) uint32 {
	var head [5]byte
	head[0] = version
	binary.LittleEndian.PutUint32(head[1:], uint32(len(key)))
	sum := crc32.Update(0, castagnoli, head[:])
	sum = crc32.Update(sum, castagnoli, key)
	return crc32.Update(sum, castagnoli, value)
}
