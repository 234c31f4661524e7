// Package payload contains what the decoders of webhooks share: their result, and how
// they read JSON that is not as documented.
//
// CI systems add fields, omit fields, and send null or an object where the
// documentation says string. A decoder uses what it can read, and returns an error only
// if a body is not JSON.
package payload

import (
	"bytes"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
)

// A Delivery is what a decoder found in a webhook.
type Delivery struct {
	// ID is the same in each repetition of this delivery; empty if unknown. Other
	// deliveries can report the same change.
	ID string

	// Event describes the delivery in logs, such as "workflow_job completed".
	Event string

	// Changes are empty unless Outcome is Useful or Unmapped. Reason says why the
	// delivery is ignored or unmapped.
	Outcome Outcome
	Changes []tracker.Change
	Reason  string
}

// New returns a Delivery with the ID. An ID of more than 64 bytes counts as unknown.
func New(id string) Delivery {
	if len(id) > maxIDBytes {
		id = ""
	}
	return Delivery{ID: id}
}

// An Outcome says how useful a delivery is.
type Outcome uint8

// The outcomes of deliveries that are JSON.
const (
	// Useful deliveries have changes.
	Useful Outcome = iota + 1

	// Ignored deliveries have no changes: events that are not about runs, jobs or
	// deployments, or objects that lack what is needed.
	Ignored

	// Unmapped deliveries have a word that the decoder does not know. If it is the
	// result of an object, Changes contains its end with the result "other".
	Unmapped
)

// String returns the outcome as a label value.
func (o Outcome) String() string { return [...]string{"", "useful", "ignored", "unmapped"}[o] }

// Describe sets Event to the parts that are not empty.
func (d *Delivery) Describe(parts ...string) {
	d.Event = cut(strings.Join(slices.DeleteFunc(parts, func(part string) bool { return part == "" }), " "), maxEventBytes)
}

// Ignore sets the outcome to Ignored, with the reason.
func (d *Delivery) Ignore(format string, arguments ...any) {
	d.Outcome, d.Reason = Ignored, fmt.Sprintf(format, arguments...)
}

// Unmap sets the outcome to Unmapped, because the field has a word that the decoder
// does not know.
func (d *Delivery) Unmap(field, word string) {
	d.Outcome, d.Reason = Unmapped, fmt.Sprintf("unknown %s %.40q", field, word)
}

// End makes a change the end of an object. The result is that for the word in the field;
// if there is none, it is "other", and the delivery is unmapped.
func (d *Delivery) End(c *tracker.Change, results map[string]string, field, word string) {
	c.State = tracker.Ended
	c.Attributes.RawResult = word
	if c.Result = results[word]; c.Result == "" {
		c.Result = tracker.ResultOther
		d.Unmap(field, word)
	}
}

// The maximum lengths of texts. Longer ones do not occur, but those in changes would
// stay in memory as long as the tracker remembers the object.
const (
	maxIDBytes        = 64
	maxEventBytes     = 64
	maxAttributeBytes = 512
)

// cut returns the beginning of a text that is longer than n bytes, as a copy, so that
// the memory of the text can be reused.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(strings.Clone(text[:n]), "")
}

// Add adds a change, with attributes and names of suites cut to 512 bytes. It ignores
// the delivery if the change has no ID, or IDs that are too long. It keeps the outcome
// Unmapped.
func (d *Delivery) Add(c tracker.Change) {
	if c.ID == "" {
		d.Ignore("no id")
		return
	}
	if max(len(c.ID), len(c.RunID), len(c.Attempt), len(c.Instance)) > maxIDBytes {
		d.Ignore("an id of more than %d bytes", maxIDBytes)
		return
	}
	attributes := reflect.ValueOf(&c.Attributes).Elem()
	for i := range attributes.NumField() {
		if field := attributes.Field(i); field.Len() > maxAttributeBytes {
			field.SetString(cut(field.String(), maxAttributeBytes))
		}
	}
	for i := range c.Tests {
		c.Tests[i].Suite = cut(c.Tests[i].Suite, maxAttributeBytes)
	}
	if d.Outcome == 0 {
		d.Outcome = Useful
	}
	d.Changes = append(d.Changes, c)
}

// Time returns the newest time in the changes, by the clock of the CI system, or the
// zero Time.
func (d Delivery) Time() time.Time {
	var latest time.Time
	for i := range d.Changes {
		if t := d.Changes[i].Latest(); t.After(latest) {
			latest = t
		}
	}
	return latest
}

// FormJSON returns the JSON in the field "payload" of a form, which some CI systems can
// send instead of JSON. It returns other bodies unchanged.
func FormJSON(body []byte) ([]byte, error) {
	const field = "payload="
	// JSON text can contain the name of the field, and a form cannot begin like this.
	if start := bytes.TrimLeft(body, " \t\r\n"); len(start) > 0 && strings.IndexByte("{[\"", start[0]) >= 0 {
		return body, nil
	}
	for pair := range bytes.SplitSeq(body, []byte("&")) {
		if encoded, ok := bytes.CutPrefix(pair, []byte(field)); ok {
			decoded, err := url.QueryUnescape(string(encoded))
			if err != nil {
				return nil, fmt.Errorf("the body is a form, but its field payload is not URL-encoded: %w", err)
			}
			return []byte(decoded), nil
		}
	}
	return body, nil
}
