// Package deliveries changes and signs recorded webhooks, so that they can be sent as if
// the CI system had just sent them.
package deliveries

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/textproto"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Delivery is a recorded webhook.
type Delivery struct {
	Name   string // of the file, without its extension
	Header http.Header
	Body   []byte
}

// Read reads a delivery. Its headers, one Name: value on a line, are in the file with
// the same name and the extension .headers.
func Read(file string) (Delivery, error) {
	base := strings.TrimSuffix(file, filepath.Ext(file))
	body, err := os.ReadFile(file)
	if err != nil {
		return Delivery{}, err
	}
	content, err := os.ReadFile(base + ".headers")
	if err != nil {
		return Delivery{}, err
	}
	content = append(bytes.TrimSpace(content), "\r\n\r\n"...)
	header, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(content))).ReadMIMEHeader()
	if err != nil {
		return Delivery{}, fmt.Errorf("%s.headers: %w", base, err)
	}
	return Delivery{Name: filepath.Base(base), Header: http.Header(header), Body: body}, nil
}

// Clone returns a copy whose header and body can be changed.
func (d Delivery) Clone() Delivery {
	return Delivery{Name: d.Name, Header: d.Header.Clone(), Body: bytes.Clone(d.Body)}
}

// SetID sets the ID, which a CI system repeats if it sends the same delivery again. It is
// in headers, or else it is the member "id" of the body, if that is a UUID.
func (d *Delivery) SetID(id string) {
	inHeader := false
	for _, name := range []string{"X-GitHub-Delivery", "X-Gitea-Delivery", "X-Forgejo-Delivery", "X-Gogs-Delivery", "Idempotency-Key", "webhook-id", "Ce-Id"} {
		if d.Header.Get(name) != "" {
			d.Header.Set(name, id)
			inHeader = true
		}
	}
	var p struct {
		ID string `json:"id"`
	}
	json.Unmarshal(d.Body, &p) //nolint:errcheck // an ID of another type is not used
	if !inHeader && uuids.MatchString(p.ID) {
		d.Body = bytes.Replace(d.Body, strconv.AppendQuote(nil, p.ID), strconv.AppendQuote(nil, id), 1)
	}
}

// The IDs of objects: numbers, UUIDs, and texts that a CI system or its users choose.
var (
	numbers = regexp.MustCompile(`"(?:id|run_id|build_id|pipeline_id|deployment_id|deployable_id|queue_id|queueId|jenkinsQueueId)":\s*[1-9]\d*`)
	uuids   = regexp.MustCompile(`[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}`)
	names   = regexp.MustCompile(`"(?:nodeName|(?:subject|pipelineRun)":\s*\{\s*"id)":\s*"[^"\\]+`)
)

// services matches CDEvents about deployments, whose subject is a service. A service
// exists longer than a deployment, so its ID must not change. The ID of the deployment
// is that of the event, a UUID.
var services = regexp.MustCompile(`"type":\s*"dev\.cdevents\.service\.`)

// Renumber adds n to the IDs of all objects in the body, or appends it to those that
// are texts, so that the delivery is about other objects. Deliveries about the same
// object still have that in common if n is the same for them.
func (d *Delivery) Renumber(n int64) {
	d.Body = numbers.ReplaceAllFunc(d.Body, func(found []byte) []byte {
		digits := bytes.LastIndexAny(found, ": \t\r\n") + 1
		id, err := strconv.ParseInt(string(found[digits:]), 10, 64)
		if err != nil {
			return found // too large to be an ID
		}
		return strconv.AppendInt(found[:digits:digits], id+n, 10)
	})
	d.Body = uuids.ReplaceAllFunc(d.Body, func(found []byte) []byte {
		digits := bytes.LastIndexByte(found, '-') + 1
		node, _ := strconv.ParseInt(string(found[digits:]), 16, 64)
		return fmt.Appendf(found[:digits:digits], "%012x", (node+n)&(1<<48-1))
	})
	if !services.Match(d.Body) {
		d.Body = names.ReplaceAllFunc(d.Body, func(found []byte) []byte {
			return fmt.Appendf(slices.Clip(found), "-%d", n)
		})
	}
}

// ShiftToNow moves the times in the deliveries so that the newest time of each run is
// now. All times in the deliveries about a run, its jobs included, move by the same
// number of seconds.
func ShiftToNow(all []Delivery, now time.Time) {
	runs := map[string][]int{} // indexes of all
	newest := make([]time.Time, len(all))
	for i := range all {
		if newest[i] = all[i].Newest(); !newest[i].IsZero() {
			run := all[i].run()
			runs[run] = append(runs[run], i)
		}
	}
	for _, run := range runs {
		slices.SortFunc(run, func(a, b int) int { return newest[b].Compare(newest[a]) })
		var last, previous time.Time
		for _, i := range run {
			if previous.Sub(newest[i]) > maxPause || last.IsZero() {
				last = newest[i]
			}
			previous = newest[i]
			all[i].Shift(now.Sub(last).Truncate(time.Second))
		}
	}
}

// maxPause is the maximum time between deliveries about a run. Published samples of
// different runs can have the same ID.
const maxPause = 30 * 24 * time.Hour

// run identifies the run that the delivery is about. Other deliveries are about something
// else, such as a deployment or an agent, or about nothing that is known here; then run
// identifies that or the delivery.
func (d *Delivery) run() string {
	for _, path := range runs {
		found := json.RawMessage(d.Body)
		for _, name := range path {
			var members map[string]json.RawMessage
			json.Unmarshal(found, &members) //nolint:errcheck // what is not an object has no members
			found = members[name]
		}
		if id := string(found); id != "" && id != "null" && id != "0" {
			return id
		}
	}
	return d.Name
}

// runs are the paths of the IDs of runs in bodies, and of the IDs of other objects, for
// deliveries without a run. The first path that a body contains counts.
var runs = [][]string{
	{"workflow_job", "run_id"},
	{"deployment", "id"}, // can have a run too
	{"workflow_run", "id"},
	{"run", "id"},
	{"build", "id"},
	{"object_attributes", "id"},
	{"pipeline_id"},
	{"deployment_id"},
	{"workflow", "id"},
	{"resource", "run", "id"},
	{"resource", "id"},
	{"subject", "content", "pipelineRun", "id"},
	{"subject", "id"},
	{"data", "subject", "content", "pipelineRun", "id"},
	{"data", "subject", "id"},
	{"pipelineRun", "metadata", "name"},
	{"taskRun", "metadata", "labels", "tekton.dev/pipelineRun"},
	{"taskRun", "metadata", "name"},
	{"build", "queue_id"},
	{"build", "queueId"},
	{"jenkinsQueueId"},
	{"nodeName"},
	{"detail", "build", "uuid"},
	{"detail", "agent", "uuid"},
	{"agent", "id"},
}

// Newest returns the newest time in the delivery, except in what exists longer than a run,
// such as its repository. It returns the zero Time if there is none.
func (d *Delivery) Newest() (newest time.Time) {
	rest := d.Body
	var fields map[string]json.RawMessage
	if json.Unmarshal(d.Body, &fields) == nil {
		for _, name := range []string{"repository", "organization", "enterprise", "installation", "sender", "workflow", "project", "user", "repo"} {
			delete(fields, name)
		}
		rest, _ = json.Marshal(fields) //nolint:errcheck // it has been valid
	}
	of := Delivery{Header: d.Header.Clone(), Body: rest}
	of.replaceTimes(func(t time.Time) time.Time {
		if t.After(newest) {
			newest = t
		}
		return t
	})
	return newest
}

// Shift adds a duration to all times in the delivery. They keep their layouts, so that
// fractions of a second that a layout does not have are lost.
func (d *Delivery) Shift(by time.Duration) {
	d.replaceTimes(func(t time.Time) time.Time { return t.Add(by) })
}

// replaceTimes replaces the times in the body and that of a CloudEvent in a header.
func (d *Delivery) replaceTimes(replace func(time.Time) time.Time) {
	d.Body = replaceTimes(d.Body, replace)
	if t := d.Header.Get("Ce-Time"); t != "" {
		d.Header.Set("Ce-Time", strings.Trim(string(replaceTimes([]byte(`"`+t+`"`), replace)), `"`))
	}
}
