package events

import "mime"

// A Format is how events are laid out in a body.
type Format int

const (
	// Sniff takes an array, a single object or lines, whichever the body
	// turns out to be.
	Sniff Format = iota

	// Lines takes one object a line and nothing else.
	Lines
)

// FormatOf returns the format that a Content-Type promises. Only the types of
// newline-delimited JSON promise anything: what is sent as application/json is
// lines often enough, and many clients send whatever their library sets.
func FormatOf(contentType string) Format {
	mediaType, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return Sniff
	}

	switch mediaType {
	case "application/x-ndjson", "application/ndjson",
		"application/jsonl", "application/x-jsonl",
		"application/jsonlines", "application/x-jsonlines",
		"text/x-ndjson", "text/ndjson", "text/jsonl", "text/x-jsonl":
		return Lines
	default:
		return Sniff
	}
}
