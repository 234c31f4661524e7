package metric

import (
	"strconv"
	"sync"
)

const (
	// maxInterned bounds the intern table. It is far more than a CI system
	// has jobs and sets of tags; should it be too little after all, then
	// starting over costs no more than having no table.
	maxInterned = 8192

	// maxInternedLength bounds what an entry can take. Longer text is rare
	// enough to be built anew each time.
	maxInternedLength = 256
)

// interned keeps the text of attribute values that are put together for an
// event, which are mostly the same few: without it, each would be an
// allocation.
var interned internTable

// An internTable keeps one string of each text, up to a limit, beyond which it
// forgets all of them and starts over. The zero value is empty. It is safe for
// concurrent use.
type internTable struct {
	mu      sync.RWMutex // protects strings
	strings map[string]string
}

// of returns text as a string, without an allocation if the table has it.
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
	var array [maxInternedLength]byte // longer text moves to the heap
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
		return strconv.Itoa(n) // has these ready
	}
	var array [20]byte // enough for any int64
	return interned.of(strconv.AppendInt(array[:0], int64(n), 10))
}
