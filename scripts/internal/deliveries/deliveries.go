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
	for _, name := range []string{"X-GitHub-Delivery", "X-Gitea-Delivery", "X-Forgejo-Delivery", "X-Gogs-Delivery", "Idempotency-Key", "webhook-id"} {
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

// numbers and uuids match the IDs of objects.
var (
	numbers = regexp.MustCompile(`"(?:id|run_id|build_id|pipeline_id|deployment_id|deployable_id)":\s*[1-9]\d*`)
	uuids   = regexp.MustCompile(`[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}`)
)

// Renumber adds n to the IDs of all objects in the body, so that it is about other
// objects. Deliveries about the same object still are, if n is the same for them.
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

// run identifies the run that the delivery is about. Other deliveries are about a
// deployment, or about nothing that is known here; then run identifies the delivery.
func (d *Delivery) run() string {
	type object struct {
		ID    int64 `json:"id"`
		RunID int64 `json:"run_id"`
	}
	var p struct {
		Job        *object `json:"workflow_job"`
		Deployment *object `json:"deployment"`
		Run        *object `json:"workflow_run"`
		ForgejoRun *object `json:"run"`
		Build      *object `json:"build"`

		Pipeline     *object `json:"object_attributes"`
		PipelineID   int64   `json:"pipeline_id"`
		DeploymentID int64   `json:"deployment_id"`

		Workflow struct { // of CircleCI
			ID string `json:"id"`
		} `json:"workflow"`

		Resource struct { // of Azure DevOps
			ID  int64   `json:"id"`
			Run *object `json:"run"`
		} `json:"resource"`
	}
	json.Unmarshal(d.Body, &p) //nolint:errcheck // fields of other types are not used
	switch {
	case p.Job != nil:
		return fmt.Sprint("run ", p.Job.RunID)
	case p.Deployment != nil: // can have a run too
		return fmt.Sprint("deployment ", p.Deployment.ID)
	case p.Run != nil:
		return fmt.Sprint("run ", p.Run.ID)
	case p.ForgejoRun != nil:
		return fmt.Sprint("run ", p.ForgejoRun.ID)
	case p.Build != nil:
		return fmt.Sprint("run ", p.Build.ID)
	case p.Pipeline != nil:
		return fmt.Sprint("run ", p.Pipeline.ID)
	case p.PipelineID != 0:
		return fmt.Sprint("run ", p.PipelineID)
	case p.DeploymentID != 0:
		return fmt.Sprint("deployment ", p.DeploymentID)
	case p.Workflow.ID != "":
		return "run " + p.Workflow.ID
	case p.Resource.Run != nil:
		return fmt.Sprint("run ", p.Resource.Run.ID)
	case p.Resource.ID != 0:
		return fmt.Sprint("run ", p.Resource.ID)
	}
	return "delivery " + d.Name
}

// Newest returns the newest time in the body, except in what exists longer than a run,
// such as its repository. It returns the zero Time if there is none.
func (d *Delivery) Newest() (newest time.Time) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(d.Body, &fields) != nil {
		return newest
	}
	for _, name := range []string{"repository", "organization", "enterprise", "installation", "sender", "workflow", "project", "user", "repo"} {
		delete(fields, name)
	}
	rest, err := json.Marshal(fields)
	if err == nil {
		replaceTimes(rest, func(t time.Time) time.Time {
			if t.After(newest) {
				newest = t
			}
			return t
		})
	}
	return newest
}

// Shift adds a duration to all times in the body. They keep their layouts, so that
// fractions of a second that a layout does not have are lost.
func (d *Delivery) Shift(by time.Duration) {
	d.Body = replaceTimes(d.Body, func(t time.Time) time.Time { return t.Add(by) })
}
