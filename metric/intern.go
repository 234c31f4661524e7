package metric

import (
	"strconv"
	"sync"
)

const (
	// maxInterned is the maximum number of strings in an internTable. A CI system has
	// far fewer jobs and sets of tags. If it ever has more, clearing the table when it
	// is full costs no more than having no table.
	maxInterned = 8192

	// maxInternedLength is the maximum length of a string in an internTable, in bytes.
	// Longer strings are rare enough to be allocated each time.
	maxInternedLength = 256
)

// interned holds attribute values that are formatted for events. The same few values
// recur, and without the table each occurrence would be an allocation.
var interned internTable

// An internTable holds the strings that it has returned, so that equal text becomes the
// same string. When it is full, it is cleared. The zero value is an empty table. It is
// safe for concurrent use.
type internTable struct {
	mu      sync.RWMutex // protects strings
	strings map[string]string
}

// of returns text as a string. It does not allocate if the table contains the string.
func (t *internTable) of(text []byte) string {
	t.mu.RLock()
	s, ok := t.strings[string(text)]
	t.mu.RUnlock()
	if ok {
		return s
	}

	s = string(text)
	if len(s) > maxInternedLength {
		return s
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.strings == nil || len(t.strings) >= maxInterned {
		t.strings = make(map[string]string)
	}
	t.strings[s] = s
	return s
}

// joinTags joins worker tags with slashes.
func joinTags(tags []string) string {
	switch len(tags) {
	case 0:
		return ""
	case 1:
		return tags[0]
	}
	var array [maxInternedLength]byte // append allocates for longer text
	text := append(array[:0], tags[0]...)
	for _, tag := range tags[1:] {
		text = append(text, '/')
		text = append(text, tag...)
	}
	return interned.of(text)
}

// formatInt returns n in decimal.
func formatInt(n int) string {
	if 0 <= n && n < 100 {
		return strconv.Itoa(n) // does not allocate for these
	}
	var array [20]byte // enough for any int64
	return interned.of(strconv.AppendInt(array[:0], int64(n), 10))
}
