package status

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
)

// An encodingCache holds the JSON of the latest overview, so that concurrent requests
// share it. It holds the JSON only for the two limits that the page requests, because
// clients can request any number of others. The zero value is empty. It is safe for
// concurrent use.
type encodingCache struct {
	mu      sync.Mutex // protects the following fields; held while an overview is encoded
	number  uint64     // sequence number of the overview
	byLimit map[int][]byte
}

// get returns the JSON of the overview, which has the given sequence number and is cut
// to the limit. The caller must not modify the JSON.
func (e *encodingCache) get(o Overview, number uint64, limit int) ([]byte, error) {
	if limit != defaultLimit && limit != MaxLimit {
		return encode(o)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if number < e.number { // the cache has a later overview
		return encode(o)
	}
	if number > e.number || e.byLimit == nil {
		e.number, e.byLimit = number, make(map[int][]byte)
	}
	if body, ok := e.byLimit[limit]; ok {
		return body, nil
	}
	body, err := encode(o)
	if err == nil {
		e.byLimit[limit] = body
	}
	return body, err
}

// encode returns the overview as JSON, with the fields that sections contributed,
// sorted by name. It does not escape <, > and &: the JSON is not served as HTML, and
// escapes take six times the space.
func encode(o Overview) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(o); err != nil {
		return nil, err
	}
	for _, field := range slices.Sorted(maps.Keys(o.fields)) {
		b.Truncate(b.Len() - len("}\n"))
		fmt.Fprintf(&b, ",%q:", field)
		if err := encoder.Encode(o.fields[field](o.limit)); err != nil {
			return nil, err
		}
		b.Truncate(b.Len() - len("\n"))
		b.WriteString("}\n")
	}
	return bytes.Clone(b.Bytes()), nil // without the buffer's unused capacity
}
