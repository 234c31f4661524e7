package events

const (
	// maxTexts is how many texts are kept: more than a CI system has names of events,
	// attributes, workers, teams and pipelines together.
	maxTexts = 8192

	// maxTextBytes is the longest text worth keeping. With maxTexts it bounds what the
	// texts take up at about a megabyte.
	maxTextBytes = 64
)

// texts makes strings of bytes, one string for all that read the same. Events repeat
// their names, attributes and most of the values without end; without texts each event
// would allocate each of them anew.
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
		// Starting over is cheaper than knowing which texts are in use, and those that
		// are come back with the next events.
		clear(t.kept)
	}
	t.kept[s] = s
	return s
}
