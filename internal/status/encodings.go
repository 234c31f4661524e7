package status

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
)

// encodings keep the JSON of the latest overview, so that those who ask for it at the
// same time, and are slow to read it, share it. Only that of the limits that the page
// asks for is kept: there are as many others as anybody likes. Their zero value has
// none. They are safe for concurrent use.
type encodings struct {
	mu      sync.Mutex // held while one is made, so that nobody makes it beside
	number  uint64     // of the overview
	byLimit map[int][]byte
}

// of is the JSON of an overview that has that number and was cut to that limit. It must
// not be changed.
func (e *encodings) of(o Overview, number uint64, limit int) ([]byte, error) {
	if limit != defaultLimit && limit != MaxLimit {
		return encode(o)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if number < e.number { // somebody has a later one already
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

// encode leaves < and the like as they are, which need six times the room otherwise:
// what is neither HTML nor taken for it needs no escapes for that.
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
		b.WriteString("}\n")
	}
	return bytes.Clone(b.Bytes()), nil // without the capacity to grow
}
