package source

import "mime"

// ByteOrderMark is what some editors and shells put before UTF-8 text.
const ByteOrderMark = "\xef\xbb\xbf"

// A Format is how JSON values are laid out in a body.
type Format int

const (
	// Sniff accepts an array, a single value or lines, as the body shows.
	Sniff Format = iota

	// Lines accepts one value a line and nothing else.
	Lines
)

// FormatOf returns the format that a Content-Type promises. Only the types of
// newline-delimited JSON promise anything: bodies sent as application/json are often
// lines, and many clients send the type that their library sets.
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
