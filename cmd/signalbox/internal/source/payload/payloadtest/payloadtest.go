// Package payloadtest tests decoders with recorded webhooks.
package payloadtest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"net/textproto"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
)

var update = flag.Bool("update", false, "write the .golden files; check every difference by hand")

// A Decode is a decoder.
type Decode func(http.Header, []byte) (payload.Delivery, error)

// With decodes the fixture with the path, after setting values; see Fixture.With. It
// fails the test if there is an error or a problem.
func (decode Decode) With(t testing.TB, path string, values map[string]any) payload.Delivery {
	t.Helper()
	f := One(t, path)
	d, err := decode(f.Header, f.With(values))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	for _, problem := range Problems(d) {
		t.Errorf("%s: %v", path, problem)
	}
	return d
}

// Change is like With, and returns the only change of the delivery.
func (decode Decode) Change(t testing.TB, path string, values map[string]any) tracker.Change {
	t.Helper()
	d := decode.With(t, path, values)
	if len(d.Changes) != 1 {
		t.Fatalf("%s: got %d changes, expected 1: %s", path, len(d.Changes), d.Reason)
	}
	return d.Changes[0]
}

// A Fixture is a recorded webhook: name.json and name.headers in a directory.
type Fixture struct {
	Path   string // without an extension
	Header http.Header
	Body   []byte
}

// Name returns the name without the directory.
func (f Fixture) Name() string { return filepath.Base(f.Path) }

// Load returns the fixtures in a directory, sorted by name. It fails the test if there
// are none.
func Load(t testing.TB, directory string) []Fixture {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(directory, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("got no fixtures in %s: %v", directory, err)
	}
	fixtures := make([]Fixture, 0, len(files))
	for _, file := range files {
		fixtures = append(fixtures, One(t, strings.TrimSuffix(file, ".json")))
	}
	return fixtures
}

// One returns the fixture with the path, which is without an extension.
func One(t testing.TB, path string) Fixture {
	t.Helper()
	// An empty line ends the headers.
	headers := append(read(t, path+".headers"), "\n\n"...)
	header, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(headers))).ReadMIMEHeader()
	if err != nil {
		t.Fatalf("%s.headers: %v", path, err)
	}
	return Fixture{path, http.Header(header), read(t, path+".json")}
}

// Golden fails the test if the result of decoding a fixture is not the text in
// name.golden.
func Golden(t *testing.T, decode Decode, fixtures []Fixture) {
	for _, f := range fixtures {
		t.Run(f.Name(), func(t *testing.T) {
			got := Text(decode(f.Header, f.Body))
			if *update {
				if err := os.WriteFile(f.Path+".golden", []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if want := string(read(t, f.Path+".golden")); got != want {
				t.Errorf("got\n%s\nexpected\n%s", got, want)
			}
		})
	}
}

// Text returns the result of a decoder as text.
func Text(d payload.Delivery, err error) string {
	if err != nil {
		return fmt.Sprintf("error: %v\n", err)
	}
	var b strings.Builder
	line := func(name string, value any) {
		if text := fmt.Sprint(value); text != "" {
			fmt.Fprintf(&b, "%-15s %s\n", name, text)
		}
	}
	line("event", d.Event)
	line("outcome", d.Outcome)
	line("reason", d.Reason)
	line("delivery", d.ID)
	for _, c := range d.Changes {
		b.WriteString("\n")
		line([...]string{"", "run", "job", "deployment", "incident", "test case", "worker"}[c.Kind], c.ID)
		line("attempt", c.Attempt)
		line("of run", c.RunID)
		line("system", c.System)
		line("instance", c.Instance)
		line("state", [...]string{"", "queued", "blocked", "started", "ended", "available", "busy", "offline", "lost"}[c.State])
		line("result", c.Result)
		line("time", moment(c.Time))
		line("queued", moment(c.Queued))
		line("started", moment(c.Started))
		line("ended", moment(c.Ended))
		line("queue time", duration(c.QueueTime))
		line("run time", duration(c.RunTime))
		line("commit time", moment(c.CommitTime))
		line("never started", yes(c.NeverStarted))
		line("reopens", yes(c.Reopens))
		line("until job", yes(c.QueuedUntilJob))
		line("dequeued", yes(c.Dequeued))
		for _, tests := range c.Tests {
			line("tests", fmt.Sprintf("%d %s %s", tests.Count, tests.Outcome, tests.Suite))
		}
		for _, anomaly := range c.Anomalies {
			line("anomaly", anomaly)
		}
		attributes := reflect.ValueOf(c.Attributes)
		for i := range attributes.NumField() {
			line("  "+attributes.Type().Field(i).Name, attributes.Field(i))
		}
	}
	return b.String()
}

func yes(is bool) string {
	if is {
		return "yes"
	}
	return ""
}

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339Nano)
}

func duration(d *time.Duration) string {
	if d == nil {
		return ""
	}
	return d.String()
}

// Mutate decodes each fixture, without most of what no decoder reads, with each field
// in turn removed, and replaced by null and by values of other types, and cut off at
// many places. It fails the test if the decoder panics, returns an error for JSON or no
// error for text that is not JSON, or returns something that Problems reports, or a
// time before the year 2000.
func Mutate(t *testing.T, decode Decode, fixtures []Fixture) {
	for _, f := range fixtures {
		var value any
		decoder := json.NewDecoder(bytes.NewReader(f.Body))
		decoder.UseNumber()
		if err := decoder.Decode(&value); err != nil {
			t.Fatalf("%s: %v", f.Path, err)
		}
		prune(value)
		for where := range mutations(&value, "") {
			body, err := json.Marshal(value)
			if err != nil {
				t.Fatal(err)
			}
			d, err := decode(f.Header, body)
			if err != nil {
				t.Errorf("%s: %s: %v", f.Path, where, err)
			}
			for _, problem := range Problems(d) {
				t.Errorf("%s: %s: %s", f.Path, where, problem)
			}
			for _, c := range d.Changes {
				for _, tm := range [...]time.Time{c.Time, c.Queued, c.Started, c.Ended, c.CommitTime} {
					if !tm.IsZero() && tm.Year() < 2000 {
						t.Errorf("%s: %s: the time %s", f.Path, where, tm)
					}
				}
			}
		}
		end := len(bytes.TrimSpace(f.Body))
		for n := 0; n < end; n += 1 + end/100 {
			if _, err := decode(f.Header, f.Body[:n]); err == nil {
				t.Errorf("%s: the first %d of %d bytes are decoded without an error", f.Path, n, end)
			}
		}
	}
}

// Problems returns what is wrong with a result, whatever was decoded.
func Problems(d payload.Delivery) []string {
	var problems []string
	report := func(format string, arguments ...any) {
		problems = append(problems, fmt.Sprintf(format, arguments...))
	}
	switch {
	case d.Outcome == 0:
		report("no outcome")
	case d.Outcome == payload.Ignored && len(d.Changes) > 0:
		report("ignored, with changes")
	case d.Outcome == payload.Useful && len(d.Changes) == 0:
		report("useful, without changes")
	case d.Outcome != payload.Useful && d.Reason == "":
		report("%s without a reason", d.Outcome)
	}
	for _, c := range d.Changes {
		if c.ID == "" || c.Kind == 0 || c.State == 0 || c.System == "" {
			report("incomplete change %+v", c)
		}
		if hasResult := c.Result != ""; hasResult != (c.State == tracker.Ended) && (hasResult || c.Kind <= tracker.Deployment) {
			report("result %q in state %d", c.Result, c.State)
		}
		for _, d := range []*time.Duration{c.QueueTime, c.RunTime} {
			if d != nil && *d > 11*365*24*time.Hour {
				report("the duration %s", d)
			}
		}
	}
	return problems
}

// mutations changes one value in root after the other, and restores it after the loop
// body. It yields a description of each change.
func mutations(node *any, path string) iter.Seq[string] {
	return func(yield func(string) bool) {
		original := *node
		for _, replacement := range replacements {
			*node = replacement
			if path != "" && !yield(fmt.Sprintf("%s = %v", path, replacement)) {
				return
			}
		}
		*node = original
		switch value := original.(type) {
		case map[string]any:
			for _, key := range slices.Sorted(maps.Keys(value)) {
				child := value[key]
				if delete(value, key); !yield(path + "." + key + " removed") {
					return
				}
				for where := range mutations(&child, path+"."+key) {
					value[key] = child
					if !yield(where) {
						return
					}
				}
				value[key] = child
			}
		case []any:
			for i := range value[:min(len(value), 2)] {
				for where := range mutations(&value[i], fmt.Sprintf("%s[%d]", path, i)) {
					if !yield(where) {
						return
					}
				}
			}
		}
	}
}

// replacements are the values that replace every value of a payload.
var replacements = []any{nil, "x", json.Number("-1.5"), json.Number("7"), true, []any{}, []any{nil}, map[string]any{}}

// prune removes what no decoder reads from a payload: most of it, so that Mutate is
// several times as fast.
func prune(value any) {
	switch value := value.(type) {
	case map[string]any:
		for key, child := range value {
			if unused.MatchString(key) {
				delete(value, key)
			} else {
				prune(child)
			}
		}
	case []any:
		for _, element := range value {
			prune(element)
		}
	}
}

// unused matches the names of the objects and fields that prune removes.
var unused = regexp.MustCompile(`^(sender|user|actor|triggering_actor|creator|owner|organization|installation|head_repository|` +
	`performed_via_github_app|check_run|pull_request|pull_requests|hook|license|topics|(has|is|allow|use)_.*|.*_count|.*s_url|` +
	`(archive|avatar|git|ssh|clone|svn|mirror|hooks|html_hooks|check_run|logs|cancel|rerun|workflow|badge|jobs|artifacts)_url|` +
	`node_id|forks|watchers|open_issues|size|language|disabled|archived|visibility|private|fork|pushed_at|display_title|` +
	`description|author|committer|variables|artifacts_file|namespace|(compare|issue_comment|subscription|git_.*)_url)$`)

func read(t testing.TB, file string) []byte {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// flips yields copies of text with one bit changed. It changes every bit of a short
// text, and about 1000 bits of a longer one.
func flips(text []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		bits := 8 * len(text)
		for bit := 0; bit < bits; bit += 1 + bits/1000 {
			flipped := bytes.Clone(text)
			flipped[bit/8] ^= 1 << (bit % 8)
			if !yield(flipped) {
				return
			}
		}
	}
}

// FlipBits fails the test if verify returns an error for the fixture, or none after one
// bit is changed in the body or in the value of one of the headers.
func FlipBits(t *testing.T, f Fixture, headers []string, verify func(http.Header, []byte) error) {
	if err := verify(f.Header, f.Body); err != nil {
		t.Errorf("%s: %v", f.Path, err)
	}
	for _, name := range headers {
		for value := range flips([]byte(f.Header.Get(name))) {
			header := f.Header.Clone()
			header.Set(name, string(value))
			if verify(header, f.Body) == nil {
				t.Errorf("%s: %s: %q is accepted", f.Path, name, value)
			}
		}
	}
	for body := range flips(f.Body) {
		if verify(f.Header, body) == nil {
			t.Errorf("%s: a body with a changed bit is accepted", f.Path)
		}
	}
}

// With returns the body of the fixture with other values at the paths, such as
// "workflow_job.conclusion". The value Removed removes a field.
func (f Fixture) With(values map[string]any) []byte {
	var root map[string]any
	decoder := json.NewDecoder(bytes.NewReader(f.Body))
	decoder.UseNumber()
	if err := decoder.Decode(&root); err != nil {
		panic(err)
	}
	for path, value := range values {
		object, names := root, strings.Split(path, ".")
		for _, name := range names[:len(names)-1] {
			child, ok := object[name].(map[string]any)
			if !ok {
				child = map[string]any{}
				object[name] = child
			}
			object = child
		}
		if name := names[len(names)-1]; value == Removed {
			delete(object, name)
		} else {
			object[name] = value
		}
	}
	body, err := json.Marshal(root)
	if err != nil {
		panic(err)
	}
	return body
}

// Removed stands for the absence of a field.
var Removed any = new(byte)
