package source

import "mime"

// ByteOrderMark is the byte order mark that some editors and shells write before UTF-8
// text.
const ByteOrderMark = "\xef\xbb\xbf"

// A Format is the layout of JSON values in a body.
type Format int

const (
	// Sniff accepts an array, a single value or lines, and detects which of them it is.
	Sniff Format = iota

	// Lines accepts only one value per line.
	Lines
)

// FormatOf returns the format for a Content-Type. It returns Lines only for the types
// of newline-delimited JSON: bodies sent as application/json often consist of lines,
// and many clients send the default type of their HTTP library.
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
