// Package status serves the status page, which shows operators what Signalbox is doing,
// and the same data as JSON.
package status

import "time"

// An Overview is the response to GET /api/v1/overview. It contains everything that the
// status page shows. Times are in RFC 3339, durations in seconds. Names, label values
// and messages come from clients and are not escaped, so do not trust them. They are at
// most 1 KiB long, the error of the mapping file 4 KiB; longer texts are cut and end in
// "…".
//
// Lists that can be long have at most as many entries as the request asks for (?limit=,
// 100 by default, at most 1000), and fewer if these would have more than a mebibyte.
// The totals next to a list count everything.
type Overview struct {
	Time     time.Time `json:"time"`    // when the overview was collected
	Started  time.Time `json:"started"` // when Signalbox was started
	Build    Build     `json:"build"`
	Settings []Setting `json:"settings"` // sorted by name; may be empty
	Mapping  *Mapping  `json:"mapping,omitempty"`

	Events   Events    `json:"events"`
	Workers  Workers   `json:"workers"`
	Families Families  `json:"families"`
	Scrapes  []Scrape  `json:"scrapes"`           // the latest, newest first
	Emitters []Emitter `json:"emitters"`          // sorted by name
	Reports  []Report  `json:"reports,omitempty"` // missing if there are none

	fields map[string]func(limit int) any // fields of the Sections, by name
	limit  int                            // maximum length of the lists in fields
}

// A Build identifies the build of the program.
type Build struct {
	Version   string `json:"version"`  // empty if unknown
	Revision  string `json:"revision"` // empty if unknown
	GoVersion string `json:"go_version"`
}

// A Setting is a flag and its value. The value of a secret is "<secret>".
type Setting struct {
	Name  string `json:"name"` // without leading dashes: "prometheus-bind-port"
	Value string `json:"value"`
}

// A Mapping is the state of the mapping file. It is missing if there is no mapping
// file.
type Mapping struct {
	File     string    `json:"file"`
	LoadedAt time.Time `json:"loaded_at"` // when the current rules were loaded

	// Error is the error of the latest reload, which failed at FailedAt. Both are
	// missing if it succeeded.
	Error    string     `json:"error,omitempty"`
	FailedAt *time.Time `json:"failed_at,omitempty"`
}

// Events are the counts and rates of the events received.
type Events struct {
	Received  uint64  `json:"received"`   // since the start, including unknown and rejected events, but not malformed ones
	PerSecond float64 `json:"per_second"` // over the last ten seconds
	Unknown   uint64  `json:"unknown"`    // events that have no rule and are not in silent_events
	Rejected  uint64  `json:"rejected"`   // malformed events, and events rejected for at least one metric

	// History is the rate over the last hour, in events per second, oldest first: one
	// number for each slot of SlotSeconds. The last slot ends now and is only
	// LastSlotSeconds long so far. There are no slots before the start.
	History         []float64 `json:"history"`
	SlotSeconds     float64   `json:"slot_seconds"`
	LastSlotSeconds float64   `json:"last_slot_seconds"`

	Names []EventName `json:"names"` // known events that were received, highest recent rate first

	UnknownNames []UnknownName `json:"unknown_names"` // most frequent first
	UnknownOther uint64        `json:"unknown_other"` // unknown events whose names are not kept, because there are too many names

	Rejections []Rejection `json:"rejections"` // reasons for which events were rejected, most frequent first
}

// An EventName is a known event.
type EventName struct {
	Name      string    `json:"name"`
	Received  uint64    `json:"received"`
	PerSecond float64   `json:"per_second"` // over the last ten seconds
	History   []float64 `json:"history"`    // in the same slots as the history of all events
	Silent    bool      `json:"silent"`     // known, but updates no series
}

// An UnknownName is the name of unknown events.
type UnknownName struct {
	Name  string    `json:"name"` // only the beginning of a long name
	Count uint64    `json:"count"`
	Last  time.Time `json:"last"` // when the latest event with this name was received

	// Hint suggests the known name that is most similar, as in `did you mean "x"?`. It
	// is missing if none is similar.
	Hint string `json:"hint,omitempty"`
}

// A Rejection is a reason for which events were rejected.
type Rejection struct {
	Reason string   `json:"reason"` // label value of signalbox_events_rejected_total
	Count  uint64   `json:"count"`
	Latest *Example `json:"latest,omitempty"` // latest example; recorded at most once a second
}

// An Example is an event that was rejected.
type Example struct {
	Time    time.Time `json:"time"`
	Event   string    `json:"event"`  // name of the event; empty if it had none
	Metric  string    `json:"metric"` // first metric for which it was rejected; may be empty
	Message string    `json:"message"`
}

// Workers are the workers that have not been removed as stale.
type Workers struct {
	Total             int      `json:"total"`
	StaleAfterSeconds float64  `json:"stale_after_seconds"` // time after which a worker without a heartbeat is stale
	List              []Worker `json:"list"`                // oldest heartbeat first
}

// A Worker is one of the workers. Its containers, volumes and tasks are sums over its
// label sets; each is null if no event reported it.
type Worker struct {
	Name          string    `json:"name"`
	Platform      string    `json:"platform"`
	Team          string    `json:"team"` // empty if it serves all teams
	Tags          string    `json:"tags"`
	Containers    *float64  `json:"containers"`
	Volumes       *float64  `json:"volumes"`
	Tasks         *float64  `json:"tasks"`
	LastHeartbeat time.Time `json:"last_heartbeat"`

	// DropsInSeconds is the time until the worker's series are removed if no heartbeat
	// arrives. It is negative if the worker is stale already; the next sweep for stale
	// series then removes them.
	DropsInSeconds float64 `json:"drops_in_seconds"`
}

// Families are the metric families that events update.
type Families struct {
	Total  int      `json:"total"`
	Series int      `json:"series"` // of all families
	Limit  int      `json:"limit"`  // maximum number of series of each family
	List   []Family `json:"list"`   // most series first
}

// A Family is one of the metric families.
type Family struct {
	Name    string `json:"name"`
	Type    string `json:"type"` // counter, gauge, histogram
	Series  int    `json:"series"`
	Refused uint64 `json:"refused"` // updates for new label sets after the family had reached the limit

	// Labels has the number of distinct values of each label, highest first: the first
	// label is the main reason why the family has so many series. Only the largest
	// families have counts. They are made in the background, so they are missing at
	// first and may be a few seconds old.
	Labels []LabelCount `json:"labels,omitempty"`
}

// A LabelCount is the number of distinct values of a label in a family.
type LabelCount struct {
	Name   string `json:"name"`
	Values int    `json:"values"`
}

// A Scrape is a request for the metrics page.
type Scrape struct {
	Time            time.Time `json:"time"` // when the request began
	DurationSeconds float64   `json:"duration_seconds"`
	Bytes           int64     `json:"bytes"`    // after compression
	Format          string    `json:"format"`   // text, openmetrics, protobuf
	Encoding        string    `json:"encoding"` // gzip, zstd, or empty
	Status          int       `json:"status"`   // HTTP status code
	Aborted         bool      `json:"aborted"`  // whether the answer is incomplete because the client did not read it
	Remote          string    `json:"remote"`   // address of the client
	UserAgent       string    `json:"user_agent"`
}

// An Emitter is the state of an emitter's queue.
type Emitter struct {
	Name          string `json:"name"`
	QueueLength   int    `json:"queue_length"`
	QueueCapacity int    `json:"queue_capacity"` // 0 if it has no queue
	Dropped       uint64 `json:"dropped"`        // events dropped because the queue was full or the emitter panicked
}

// A Report is text that a part of the program adds to the page.
type Report struct {
	// Line is a sentence that the page shows below the heading of the events. It is
	// missing if there is none.
	Line string `json:"line,omitempty"`

	Findings []Finding `json:"findings,omitempty"`

	// Help explains how to send events and webhooks, or how jobs and agents push
	// metrics. The page shows it while there are no events, deliveries of webhooks,
	// groups or agents, respectively.
	Help []HelpText `json:"help,omitempty"`
}

// A Finding is something that an operator should know.
type Finding struct {
	Level string `json:"level"` // bad, warn, note
	Kind  string `json:"kind"`  // short text without numbers that identifies the finding
	Text  string `json:"text"`

	// Section is the section of the page that explains the finding. It is missing if
	// that is the section of the events.
	Section string `json:"section,omitempty"`
}

// A HelpText is a paragraph, or a snippet to copy. In both, {hostname} stands for the
// host name in the page's address.
type HelpText struct {
	Section string `json:"section"` // events, sources, groups, agents
	Text    string `json:"text,omitempty"`
	Snippet string `json:"snippet,omitempty"`
}
