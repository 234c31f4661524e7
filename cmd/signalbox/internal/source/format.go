package source

import "mime"

// ByteOrderMark is the byte order mark that some editors and shells write before UTF-8
// text.
const ByteOrderMark = "\xef\xbb\xbf"

// A Format is the layout of JSON values in a body.
type Format int

const (
	// Sniff accepts an array, a single value or lines, and detects which it is.
	Sniff Format = iota

	// Lines accepts only one value per line.
	Lines
)

// FormatOf returns the format for a Content-Type. Only the types of newline-delimited
// JSON mean Lines: bodies sent as application/json are often lines, and many clients
// send the default type of their library.
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
