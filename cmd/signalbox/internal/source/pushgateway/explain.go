package pushgateway

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/prometheus/common/expfmt"
	"google.golang.org/protobuf/encoding/protowire"
)

// A mistake is a common mistake in bodies that cannot be parsed, and its correction. Of
// several mistakes, the first that was made is reported.
type mistake struct {
	// In at most one of the following. The mistake was made if it matches.
	prefix  string                                        // prefix of the body
	line    *regexp.Regexp                                // the line with the error
	message string                                        // part of the error
	applies func(body []byte, mediaType string) (ok bool) // the whole body

	text bool // it is a mistake only if the body was parsed as text, not as OpenMetrics

	hint string
}

// formats lists mistakes in bodies that have none of the pushed formats.
var formats = []mistake{
	{prefix: "\x1f\x8b", hint: "the body is compressed with gzip: send the header Content-Encoding: gzip"},
	{prefix: "\x28\xb5\x2f\xfd", hint: "the body is compressed with zstd: send the header Content-Encoding: zstd"},
	{prefix: "\xff\x06\x00\x00sNaPpY", hint: "the body is compressed with snappy: send the header Content-Encoding: snappy"},
	{prefix: "\xff\xfe", hint: utf16Hint},
	{prefix: "\xfe\xff", hint: utf16Hint},
	{applies: isUTF16, hint: utf16Hint},
	{prefix: "\xef\xbb\xbf", hint: "the body begins with a byte order mark (UTF-8 with BOM): remove its first three bytes, for example with -Encoding utf8NoBOM in PowerShell"},
	{
		applies: func(_ []byte, mediaType string) bool { return mediaType == "multipart/form-data" },
		hint:    "the body is a multipart form, as curl -F sends it: use curl --data-binary @FILE",
	},
	{
		applies: func(body []byte, _ string) bool { return bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")) },
		hint:    "the body is HTML or XML, expected the Prometheus text format",
	},
	{
		applies: func(body []byte, _ string) bool { return beginsAsJSON.Match(beginning(body)) },
		hint:    "the body is JSON, expected the Prometheus text format; events belong to /api/v1/events, metrics of agents to /api/v1/agent-metrics",
	},
}

var beginsAsJSON = regexp.MustCompile(`^\s*(\[|\{\s*(\}\s*$|"(\\.|[^"\\])*"\s*:))`)

const formType = "application/x-www-form-urlencoded"

// protobufMistakes lists mistakes in bodies that are parsed as protobuf.
var protobufMistakes = slices.Concat(formats, []mistake{{
	applies: func(body []byte, _ string) bool { return !isBinary(body) && utf8.Valid(body) },
	hint:    "the body is text, expected delimited protobuf, as the Content-Type says",
}})

// textMistakes lists mistakes in bodies that are parsed as text or OpenMetrics.
var textMistakes = slices.Concat(formats, []mistake{
	{applies: isProtobuf, hint: "the body is protobuf: send the header Content-Type: application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"},
	{
		applies: func(body []byte, mediaType string) bool {
			return mediaType == formType && !bytes.ContainsAny(body, " \t\n") && bytes.ContainsAny(body, "%+")
		},
		hint: "the body is URL-encoded: use curl --data-binary",
	},
	{
		applies: func(body []byte, mediaType string) bool {
			return mediaType == formType && !bytes.Contains(body, []byte("\n"))
		},
		hint: "the body does not end with a newline. If it was sent with curl -d, which removes newlines: use curl --data-binary. " +
			"Otherwise append one, as echo does",
	},
	{
		line: regexp.MustCompile(`\r`),
		hint: `lines end with CR LF, expected LF alone: remove the carriage returns, for example with tr -d '\r'`,
	},
	{
		applies: func(body []byte, _ string) bool { return isBinary(body) },
		hint:    "the body is binary, expected text; if it is compressed, send the header Content-Encoding: gzip, snappy or zstd",
	},
	{
		applies: func(body []byte, _ string) bool {
			return !bytes.Contains(body, []byte("\n")) && bytes.Contains(body, []byte(`\n`))
		},
		hint: `the body contains \n as two characters, not as a newline: use printf instead of echo`,
	},
	{
		applies: func(body []byte, _ string) bool { return !bytes.HasSuffix(body, []byte("\n")) },
		hint:    "the last line does not end with a newline: append one, as echo does",
	},
	{line: regexp.MustCompile(` # \{`), text: true, hint: "exemplars are part of OpenMetrics: end the body with a line # EOF, or send the header Content-Type: application/openmetrics-text"},
	{line: regexp.MustCompile(`^\s*[a-zA-Z_:][\w:]*(\{.*\})?\s*$`), hint: "the value is missing"},
	{line: regexp.MustCompile(`^\s*//`), hint: "a comment begins with #"},
	{line: regexp.MustCompile(`^[^#"]*\s#`), hint: "a comment needs a line of its own"},
	{line: regexp.MustCompile(`[ \t]$`), hint: "the line ends with a blank: remove trailing white space"},
	{line: regexp.MustCompile("\u00a0|\u2007|\u202f|\u200b|\ufeff"), hint: "the line contains a space that is not ASCII: replace it by an ordinary space"},
	{line: regexp.MustCompile(`[“”„‟«»‘’]`), hint: `the line contains typographic quotes: use "`},
	{line: regexp.MustCompile(`[{,]\s*[a-zA-Z_]\w*\s*=\s*[^"\s]`), hint: `label values need double quotes: {name="value"}`},
	{line: regexp.MustCompile(`[\s}]-?[0-9]+,[0-9]+\s*$`), hint: "the value has a decimal comma, expected a point"},
	{line: regexp.MustCompile(`^\s*[a-zA-Z_:][\w:]*\s*[:=]\s*\S+$`), hint: "separate name and value with a space: name value"},
	{line: regexp.MustCompile(`^\s*([a-zA-Z_:][\w:]*)?([.\-0-9]|[^[:ascii:]])`), hint: "a metric name consists of ASCII letters, digits, _ and :"},
	{line: regexp.MustCompile(`[{,]\s*[a-zA-Z_]\w*([.\-]|[^[:ascii:]])[^"]*=`), hint: "a label name consists of ASCII letters, digits and _"},
	{line: regexp.MustCompile(`\\[^\\n"]`), hint: `write \\ for a backslash in a label value`},
	{
		message: "unknown metric type", text: true,
		hint: "expected counter, gauge, histogram, summary or untyped; other types are part of OpenMetrics, whose last line is # EOF",
	},
})

// beginning returns the beginning of a body, which suffices to recognize its format.
func beginning(body []byte) []byte { return body[:min(len(body), 4<<10)] }

// isBinary reports whether a body contains control characters that text does not.
func isBinary(body []byte) bool {
	return bytes.ContainsFunc(beginning(body), func(r rune) bool { return r < ' ' && !strings.ContainsRune("\t\n\r", r) })
}

const utf16Hint = "the body is UTF-16, expected UTF-8: in PowerShell, write files with -Encoding utf8NoBOM or ascii, not with >"

// isUTF16 reports whether a body is UTF-16 without a byte order mark: every second byte
// of ASCII is zero.
func isUTF16(body []byte, _ string) bool {
	return len(body) >= 4 && (body[0] == 0) != (body[1] == 0) && (body[2] == 0) == (body[0] == 0) && (body[3] == 0) == (body[1] == 0)
}

// isProtobuf reports whether a body begins with a family in delimited protobuf. It does
// not decode the family, because no memory for that has been acquired.
func isProtobuf(body []byte, _ string) bool {
	family, n := protowire.ConsumeBytes(body)
	named := false
	for n >= 0 && len(family) > 0 {
		var number protowire.Number
		var typ protowire.Type
		if number, typ, n = protowire.ConsumeTag(family); n < 0 || familyDescriptor.Fields().ByNumber(number) == nil {
			return false
		}
		family = family[n:]
		if n = protowire.ConsumeFieldValue(number, typ, family); n < 0 {
			return false
		}
		named = named || number == 1
		family = family[n:]
	}
	return named
}

// explain adds a hint to an error from parsing a body, if the client made one of the
// mistakes.
func explain(err error, mistakes []mistake, body []byte, mediaType string) error {
	line := lineWithError(err, body)
	_, isOpenMetrics := errors.AsType[*openMetricsError](err)
	for _, m := range mistakes {
		if m.text && isOpenMetrics {
			continue
		}
		made := m.prefix != "" && bytes.HasPrefix(body, []byte(m.prefix)) ||
			m.line != nil && m.line.Match(line) ||
			m.message != "" && strings.Contains(err.Error(), m.message) ||
			m.applies != nil && m.applies(body, mediaType)
		if made {
			return fmt.Errorf("%w: %s", err, m.hint)
		}
	}
	return err
}

// lineOfError returns the number of the line to which the error refers, or 0.
func lineOfError(err error) int {
	if e, ok := errors.AsType[expfmt.ParseError](err); ok {
		return e.Line
	}
	if e, ok := errors.AsType[*openMetricsError](err); ok {
		return e.line
	}
	return 0
}

// lineWithError returns the line to which the error refers, or nothing.
func lineWithError(err error, body []byte) []byte {
	wanted, number := lineOfError(err), 1
	for line := range bytes.Lines(body) {
		if number == wanted {
			return bytes.TrimSuffix(line, []byte("\n"))
		}
		number++
	}
	return nil
}
