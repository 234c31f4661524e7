package deliveries

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// The layouts of times in payloads: those with text, and numbers of seconds or
// milliseconds since 1970 in fields whose names say so.
var (
	texts = regexp.MustCompile(`"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z| UTC| ?[+-]\d\d:?\d\d)"`)
	units = regexp.MustCompile(`"(?:created|started|finished|stopped|updated|queued|timestamp|\w*(?:_at|_time|[a-z]Time|Timestamp|Millis))":\s*(?:\d{13}|\d{10})\b`)
)

// replaceTimes replaces the times in a text of JSON, without changing anything else.
// Times before 2000 mean that a time is unknown; they are not replaced.
func replaceTimes(text []byte, replace func(time.Time) time.Time) []byte {
	text = texts.ReplaceAllFunc(text, func(found []byte) []byte {
		layout := layoutOf(string(found[1 : len(found)-1]))
		t, err := time.Parse(layout, string(found[1:len(found)-1]))
		if err != nil || t.Year() < 2000 {
			return found
		}
		return strconv.AppendQuote(nil, replace(t).Format(layout))
	})
	return units.ReplaceAllFunc(text, func(found []byte) []byte {
		start := bytes.LastIndexAny(found, ": \t\r\n") + 1
		number, err := strconv.ParseInt(string(found[start:]), 10, 64)
		if err != nil {
			return found
		}
		head := found[:start:start]
		if len(found)-start == len("1772618400000") {
			return strconv.AppendInt(head, replace(time.UnixMilli(number)).UnixMilli(), 10)
		}
		return strconv.AppendInt(head, replace(time.Unix(number, 0)).Unix(), 10)
	})
}

// layoutOf returns the layout of a time that matches texts.
func layoutOf(text string) string {
	layout := "2006-01-02" + text[len("2006-01-02"):len("2006-01-02T")] + "15:04:05"
	rest := text[len(layout):]
	if strings.HasPrefix(rest, ".") {
		digits := len(rest[1:]) - len(strings.TrimLeft(rest[1:], "0123456789"))
		layout += "." + strings.Repeat("0", digits)
		rest = rest[1+digits:]
	}
	zone := strings.TrimLeft(rest, " ")
	layout += rest[:len(rest)-len(zone)]
	switch {
	case zone == "Z", zone == "UTC":
		layout += zone
	case strings.Contains(zone, ":"):
		layout += "-07:00"
	default:
		layout += "-0700"
	}
	return layout
}
