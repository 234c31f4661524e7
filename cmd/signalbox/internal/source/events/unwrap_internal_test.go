package events

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// wrappers put a line of a web node into the formats of logs. They split it after cut
// bytes if the format allows that.
var wrappers = map[string]func(line string, cut int) []string{
	"CRI": func(line string, cut int) []string {
		return []string{
			"2026-01-02T15:04:05.123456789Z stdout P " + line[:cut],
			"2026-01-02T15:04:05.123456789+01:00 stdout F " + line[cut:],
		}
	},
	"Docker": func(line string, cut int) []string {
		return []string{docker(line[:cut], "stdout"), docker(line[cut:]+"\n", "stdout")}
	},
	"Docker, with spaces": func(line string, cut int) []string {
		return []string{spaced(docker(line[:cut], "stdout")), spaced(docker(line[cut:]+"\n", "stdout"))}
	},
	"journald": inField("MESSAGE"),
	"journald, as numbers": func(line string, _ int) []string {
		return []string{`{"__CURSOR":"x","MESSAGE":` + numbers("\x1b[36m"+line, ",") + `,"n":1}`}
	},
	"old journald, as numbers": func(line string, _ int) []string {
		return []string{`{ "__CURSOR" : "x", "MESSAGE" : ` + numbers(line+"\n", ", ") + ` }`}
	},
	"Fluent Bit":     inField("log"),
	"Vector":         inField("message"),
	"a prefix":       func(line string, _ int) []string { return []string{"Jan 02 15:04:05 web concourse[7]: " + line} },
	"docker compose": func(line string, _ int) []string { return []string{"\x1b[36mweb-1  | \x1b[0m" + line} },
	"CRI in journald": func(line string, cut int) []string {
		return inField("MESSAGE")("2026-01-02T15:04:05Z stdout F "+line, cut)
	},
	"journald in Docker": func(line string, cut int) []string {
		whole := inField("MESSAGE")(line, cut)[0]
		return []string{docker(whole[:cut], "stderr"), docker(whole[cut:]+"\n", "stderr")}
	},
}

func docker(log, stream string) string {
	return `{"log":` + quoted(log) + `,"stream":"` + stream + `","time":"2026-01-02T15:04:05.123456789Z"}`
}

// spaced returns a line of docker as other JSON encoders write it.
func spaced(line string) string {
	line = strings.Replace(line, `{"log":`, `{ "log" : `, 1)
	log, stream, _ := strings.Cut(line, `,"stream":`)
	stream, time, _ := strings.Cut(stream, `,"time":`)
	return log + `, "stream": ` + stream + `, "time": ` + time
}

// numbers returns the bytes of the line as a list of numbers.
func numbers(line, separator string) string {
	texts := make([]string, len(line))
	for i := range len(line) {
		texts[i] = strconv.Itoa(int(line[i]))
	}
	return "[" + strings.Join(texts, separator) + "]"
}

func inField(name string) func(string, int) []string {
	return func(line string, _ int) []string {
		return []string{`{"pid":7,"list":["a"],"unit":"web",` + quoted(name) + `:` + quoted(line) + `,"n":1}`}
	}
}

func quoted(text string) string {
	q, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(q)
}

const wrappedEvent = `{"timestamp":"2026-01-02T15:04:05.1Z","level":"debug","source":"atc","message":"atc.x.emit.event","data":{"name":"error log","message":"a \"b\" \\ é","value":1}}`

func TestWrappedLinesAreUnwrapped(t *testing.T) {
	for name, wrap := range wrappers {
		for cut := 1; cut < len(wrappedEvent); cut++ {
			if !utf8.RuneStart(wrappedEvent[cut]) {
				continue
			}
			u := unwrapper{limit: 1 << 10, keepRaw: true}
			lines := wrap(wrappedEvent, cut)
			for i, line := range lines {
				got, complete := u.next([]byte(line))
				switch {
				case complete != (i == len(lines)-1):
					t.Fatalf("%s: got complete %v after part %d of %d", name, complete, i+1, len(lines))
				case complete && (string(got.text) != wrappedEvent || got.tooLong):
					t.Fatalf("%s: got %s, expected the event", name, got.text)
				case complete && string(got.raw) != strings.Join(lines, "\n"):
					t.Fatalf("%s: got raw text %s, expected that of the log", name, got.raw)
				}
			}
		}
	}
}

func TestOtherLinesAreNotUnwrapped(t *testing.T) {
	u := unwrapper{limit: 1 << 10, keepRaw: true}
	for _, line := range []string{
		"", " ", "{", "}", `{"log":`, `{"log":"`, `{"log":7,"stream":"stdout"}`, `{"log":"a"}`, `{"log":"x.emit.event\"`,
		"2026", "2026-01-02T15:04:05Z", "2026-01-02T15:04:05Z stdout", "2026-01-02T15:04:05Z stdout X text", "2026-01-02T15:04:05Z stdin F text",
		`{"MESSAGE":[`, `{"MESSAGE":[1`, `{"MESSAGE":[]}`, `{"MESSAGE":[256]}`, `{"MESSAGE":[1,,2]}`, `{"MESSAGE":["a"]}`, `{"MESSAGE":null}`, `{"MESSAGE":[123,125]}`,
		`x.emit.event" {`, `{"message":"x.emit.event","data":"\".emit.event\""}`,
	} {
		if got, complete := u.next([]byte(line)); !complete || string(got.text) != line || string(got.raw) != line || got.raw == nil {
			t.Errorf("%q: got %q, raw %q, complete %v, expected the line", line, got.text, got.raw, complete)
		}
	}
}

func TestLinesOfDifferentStreamsAreJoinedSeparately(t *testing.T) {
	u := unwrapper{limit: 1 << 10, keepRaw: true}
	var got []string
	for _, line := range []string{
		"2026-01-02T15:04:05Z stdout P a", "2026-01-02T15:04:05Z stderr P:x 1", "2026-01-02T15:04:05Z stdout P b",
		"2026-01-02T15:04:05Z stderr F:x 2", "2026-01-02T15:04:05Z stdout F c", "2026-01-02T15:04:05Z stdout F",
		docker("d", "stdout"), docker("3", "stderr"), docker("e\n", "stdout"), docker("4\r\n", "stderr"), docker("f\\n", "stdout"),
	} {
		if next, complete := u.next([]byte(line)); complete {
			got = append(got, string(next.text))
		}
	}
	for stream := range u.begun {
		if next, ok := u.take(stream); ok {
			got = append(got, string(next.text))
		}
	}
	if expected := "12 abc  de 34 f\\n"; strings.Join(got, " ") != expected {
		t.Errorf("got %q, expected %q", strings.Join(got, " "), expected)
	}
}

func TestJoinedLinesAreLimited(t *testing.T) {
	const limit = 100
	u := unwrapper{limit: limit, keepRaw: true}
	var lines, raw []string
	for range 50 {
		lines = append(lines, "2026-01-02T15:04:05Z stdout P 0123456789")
	}
	lines = append(lines, "2026-01-02T15:04:05Z stdout F end")
	for i, line := range lines {
		next, complete := u.next([]byte(line))
		if next.raw != nil {
			raw = append(raw, string(next.raw))
		}
		if b := u.begun[stdout]; len(b.text) > limit || len(b.raw) > 2*limit {
			t.Fatalf("%d bytes of text and %d of raw text are kept", len(b.text), len(b.raw))
		}
		if complete != (i == len(lines)-1) || complete && (!next.tooLong || len(next.text) != limit) {
			t.Fatalf("line %d: got %q, complete %v, too long %v", i+1, next.text, complete, next.tooLong)
		}
	}
	if got := strings.Join(raw, "\n"); got != strings.Join(lines, "\n") {
		t.Errorf("got raw text %q, expected that of the log", got)
	}
	if next, complete := u.next([]byte("2026-01-02T15:04:05Z stdout F short")); !complete || next.tooLong || string(next.text) != "short" {
		t.Errorf("got %q after a line that was too long", next.text)
	}
}

func FuzzUnwrap(f *testing.F) {
	f.Add(wrappedEvent, 10)
	f.Add("a line", 1)
	f.Fuzz(func(t *testing.T, line string, cut int) {
		// The runtimes replace invalid text and end a line at a newline.
		line = strings.NewReplacer("\n", "", "\r", "").Replace(strings.ToValidUTF8(line, "?"))
		if cut < 0 || cut > len(line) || cut < len(line) && !utf8.RuneStart(line[cut]) {
			return
		}
		for _, name := range []string{"CRI", "Docker"} {
			u := unwrapper{limit: len(line), keepRaw: true}
			plain := unwrapper{limit: len(line)}
			expected, _ := plain.next([]byte("2026-01-02T15:04:05Z stdout F " + line))
			lines := wrappers[name](line, cut)
			if len(lines[0])+len(lines[1]) > 2*len(line) {
				u.limit = len(lines[0]) + len(lines[1])
			}
			if got, complete := u.next([]byte(lines[0])); complete {
				t.Fatalf("%s: the first part is complete: %q", name, got.text)
			}
			got, complete := u.next([]byte(lines[1]))
			if !complete || got.tooLong || string(got.text) != string(expected.text) || string(got.raw) != lines[0]+"\n"+lines[1] {
				t.Errorf("%s: got %q, raw %q, expected %q", name, got.text, got.raw, expected.text)
			}
		}
	})
}
