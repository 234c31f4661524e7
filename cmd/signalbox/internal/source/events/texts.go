package events

const (
	// maxTexts is the maximum number of texts that are kept. A CI system has fewer
	// names of events, attributes, workers, teams and pipelines in total.
	maxTexts = 8192

	// maxTextBytes is the maximum length of a text that is kept. Together with
	// maxTexts, it limits the memory for texts to about a megabyte.
	maxTextBytes = 64
)

// texts interns strings: it converts bytes to a string, and returns the same string for
// equal bytes. Events repeat their names, attributes and most of the values; without
// texts, each event would allocate them again.
//
// The zero value is ready to use. It is not safe for concurrent use.
type texts struct {
	kept map[string]string
}

// of returns the text as a string. The string does not share memory with text.
func (t *texts) of(text []byte) string {
	if kept, ok := t.kept[string(text)]; ok {
		return kept
	}

	s := string(text)
	if len(s) > maxTextBytes {
		return s
	}

	if t.kept == nil {
		t.kept = make(map[string]string)
	}
	if len(t.kept) >= maxTexts {
		// Starting over is cheaper than tracking which texts are in use. The next
		// events add those in use again.
		clear(t.kept)
	}
	t.kept[s] = s
	return s
}
