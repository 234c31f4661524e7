package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/textproto"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/webhook"
	"github.com/signalbox-ci/signalbox/internal/excerpt"
	"github.com/signalbox-ci/signalbox/internal/regularfile"
	"github.com/signalbox-ci/signalbox/internal/spelling"
	"github.com/signalbox-ci/signalbox/metric"
)

// A decodeCommand prints the events that recorded deliveries would cause.
type decodeCommand struct {
	Headers string `long:"headers" value-name:"FILE" description:"File with the HTTP headers of the deliveries, one Name: value per line. By default, the headers of FILE.json are in FILE.headers, if that file exists."`
	Now     moment `long:"now" value-name:"TIME" default-mask:"the newest time in the deliveries" description:"Time at which the deliveries are received, such as 2026-03-04T10:00:00Z."`

	Args struct {
		Kind  string   `positional-arg-name:"KIND"`
		Files []string `positional-arg-name:"FILE..."`
	} `positional-args:"yes"`
}

func (c *decodeCommand) run(w world) error {
	s, err := findSource(c.Args.Kind)
	if err != nil {
		return err
	}
	if len(c.Args.Files) == 0 {
		return usageError("decode requires at least one file: signalbox decode " + s.Name() + " FILE...")
	}
	var deliveries []payload.Delivery
	var errs []error
	now := time.Time(c.Now)
	for _, file := range c.Args.Files {
		d, err := c.decode(s, file)
		if err != nil {
			errs = append(errs, err)
		}
		deliveries = append(deliveries, d)
		if t := d.Time(); time.Time(c.Now).IsZero() && t.After(now) {
			now = t
		}
	}
	if errs != nil {
		return errors.Join(errs...)
	}
	out := bufio.NewWriter(w.stdout)
	t := tracker.New(tracker.Options{})
	for i, d := range deliveries {
		events, outcome := webhook.Apply(t, &d, now)
		for _, e := range events {
			writeEvent(out, e)
		}
		// The events must be on the screen before what explains them.
		if err := ignoreBrokenPipe(out.Flush()); err != nil {
			return err
		}
		parts := []string{c.Args.Files[i], d.Event, outcome.String(), d.Reason}
		parts = slices.DeleteFunc(parts, func(part string) bool { return part == "" })
		fmt.Fprintln(w.stderr, excerpt.Escape(strings.Join(parts, ": ")))
	}
	return nil
}

// writeEvent prints an event in the format that POST /api/v1/events accepts.
func writeEvent(w *bufio.Writer, e metric.Event) {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.Encode(struct { //nolint:errcheck // Flush returns the error
		Name       string            `json:"name"`
		Value      float64           `json:"value"`
		Attributes map[string]string `json:"attributes"`
	}{e.Name, e.Value, e.Attributes})
}

// findSource returns the source with the name.
func findSource(name string) (webhook.Source, error) {
	var names []string
	for _, s := range newSources() {
		if s.Name() == name {
			return s, nil
		}
		names = append(names, s.Name())
	}
	expected := "expected one of " + strings.Join(names, ", ")
	if name == "" {
		return nil, usageError("decode requires the kind of CI system: signalbox decode KIND FILE..., " + expected)
	}
	if near := spelling.Nearest(name, names); near != "" {
		return nil, usageError(fmt.Sprintf("unknown kind of CI system %s, did you mean %s?", excerpt.Quote(name), near))
	}
	return nil, usageError(fmt.Sprintf("unknown kind of CI system %s, %s", excerpt.Quote(name), expected))
}

// decode decodes the delivery in a file.
func (c *decodeCommand) decode(s webhook.Source, file string) (payload.Delivery, error) {
	body, err := regularfile.Read(file)
	if err != nil {
		return payload.Delivery{}, err
	}
	header, err := c.readHeaders(file)
	if err != nil {
		return payload.Delivery{}, err
	}
	d, err := s.Decode(header, body)
	if err != nil {
		return d, fmt.Errorf("%s: %w", file, err)
	}
	if d.Outcome == payload.Ignored {
		d.Reason += otherSource(s, header, body)
	}
	return d, nil
}

// otherSource returns a hint if another source than s knows the delivery.
func otherSource(s webhook.Source, header http.Header, body []byte) string {
	for _, other := range newSources() {
		if other.Name() == s.Name() {
			continue
		}
		if d, err := other.Decode(header, body); err == nil && d.Outcome == payload.Useful {
			return "; is it a delivery of " + other.Description() + " (signalbox decode " + other.Name() + ")?"
		}
	}
	return ""
}

// readHeaders returns the headers of the delivery in a file.
func (c *decodeCommand) readHeaders(file string) (http.Header, error) {
	path := c.Headers
	if path == "" {
		path = strings.TrimSuffix(file, filepath.Ext(file)) + ".headers"
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return http.Header{}, nil
		}
	}
	content, err := regularfile.Read(path)
	if err != nil {
		return nil, err
	}
	content = append(bytes.TrimSpace(content), "\r\n\r\n"...)
	header, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(content))).ReadMIMEHeader()
	if err != nil {
		return nil, fmt.Errorf("%s: got no HTTP headers, expected lines Name: value: %w", path, err)
	}
	return http.Header(header), nil
}

// moment is the value of a flag: a time.
type moment time.Time

// UnmarshalFlag parses a time in one of the layouts that CI systems use.
func (m *moment) UnmarshalFlag(text string) error {
	t, err := tracker.ParseTime(text)
	*m = moment(t)
	return err
}
