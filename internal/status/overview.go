// Package status serves the page that shows an operator what the emitter is doing,
// and the JSON behind it.
package status

import "time"

// An Overview is what GET /api/v1/overview answers, and all that the status page
// shows. Times are in RFC 3339; durations are in seconds. Names, label values and
// messages are as somebody sent them: nothing in them can be trusted. They are at most
// 1 KiB each, and the mapping file's error 4 KiB: longer ones are cut to that, and end
// in "…".
//
// Lists are cut to the limit that the request asks for (?limit=, 100 if it does not,
// 1000 at most); what stands beside a list counts all of it.
type Overview struct {
	// Time is when the overview was made, Started when the emitter was.
	Time    time.Time `json:"time"`
	Started time.Time `json:"started"`

	Build    Build     `json:"build"`
	Settings []Setting `json:"settings"` // in force, sorted by name; may be empty
	Mapping  *Mapping  `json:"mapping,omitempty"`
	Input    *Input    `json:"input,omitempty"`

	Events   Events    `json:"events"`
	Workers  Workers   `json:"workers"`
	Families Families  `json:"families"`
	Groups   any       `json:"groups"`   // a groupsSection
	Agents   any       `json:"agents"`   // an agentsSection
	Scrapes  []Scrape  `json:"scrapes"`  // the latest, newest first
	Emitters []Emitter `json:"emitters"` // by name
}

// A Build is what was built.
type Build struct {
	Version   string `json:"version"` // empty if it is not known, as the others
	Revision  string `json:"revision"`
	GoVersion string `json:"go_version"`
}

// A Setting is a flag and its value. A value that is a secret reads "<secret>".
type Setting struct {
	Name  string `json:"name"` // without dashes: "prometheus-bind-port"
	Value string `json:"value"`
}

// A Mapping is how it stands with the mapping file. It is missing if there is none.
type Mapping struct {
	File     string    `json:"file"`
	LoadedAt time.Time `json:"loaded_at"` // when what is in force was read

	// Error is why the last reload changed nothing, at FailedAt. Empty if it
	// succeeded.
	Error    string     `json:"error,omitempty"`
	FailedAt *time.Time `json:"failed_at,omitempty"`
}

// An Input is how it stands with standard input. It is missing if that is not read.
type Input struct {
	Format   string `json:"format"`   // "events", or "lager" for a log
	Accepted uint64 `json:"accepted"` // events, unknown ones included
	Unknown  uint64 `json:"unknown"`
	Rejected uint64 `json:"rejected"` // lines that should be an event and are none
	Skipped  uint64 `json:"skipped"`  // other lines of a log

	EndedAt *time.Time `json:"ended_at"` // null while it is read

	// Error is why it could not be read to its end. Empty if it could.
	Error string `json:"error,omitempty"`
}

// Events are what became of the events.
type Events struct {
	Received  uint64  `json:"received"` // since the start, unknown and rejected ones included
	PerSecond float64 `json:"per_second"`
	Unknown   uint64  `json:"unknown"`
	Rejected  uint64  `json:"rejected"` // for at least one metric, or malformed

	// History is the rate of the last hour, in events per second: one number a
	// slot of SlotSeconds, oldest first. The last slot ends now, and is a part of
	// one, of LastSlotSeconds. Slots before the start are missing.
	History         []float64 `json:"history"`
	SlotSeconds     float64   `json:"slot_seconds"`
	LastSlotSeconds float64   `json:"last_slot_seconds"`

	Names []EventName `json:"names"` // that were received, most frequent of late first

	UnknownNames []UnknownName `json:"unknown_names"` // most frequent first
	// UnknownOther counts unknown events of so many other names that they are
	// not told apart.
	UnknownOther uint64 `json:"unknown_other"`

	Rejections []Rejection `json:"rejections"` // of reasons that there were, most frequent first
}

// An EventName is an event that rules know.
type EventName struct {
	Name      string    `json:"name"`
	Received  uint64    `json:"received"`
	PerSecond float64   `json:"per_second"` // over the last ten seconds
	History   []float64 `json:"history"`    // as that of Events
	Silent    bool      `json:"silent"`     // it drives nothing, on purpose
}

// An UnknownName is the name of events that no rule knows.
type UnknownName struct {
	Name  string    `json:"name"` // its beginning, if it is long
	Count uint64    `json:"count"`
	Last  time.Time `json:"last"`
}

// A Rejection is a reason for which events were rejected.
type Rejection struct {
	Reason string   `json:"reason"` // label value of signalbox_events_rejected_total
	Count  uint64   `json:"count"`
	Latest *Example `json:"latest,omitempty"` // one of the last second with any
}

// An Example is an event that was rejected.
type Example struct {
	Time    time.Time `json:"time"`
	Event   string    `json:"event"`  // its name; empty if it had none
	Metric  string    `json:"metric"` // the first that it was rejected for
	Message string    `json:"message"`
}

// Workers are those that were heard of within the staleness limit.
type Workers struct {
	Total             int      `json:"total"`
	StaleAfterSeconds float64  `json:"stale_after_seconds"`
	List              []Worker `json:"list"` // those first that will be dropped first
}

// A Worker is one of them. Its numbers are the sum of what was reported for its
// label sets; nil if nothing was.
type Worker struct {
	Name          string    `json:"name"`
	Platform      string    `json:"platform"`
	Team          string    `json:"team"` // empty if it serves all
	Tags          string    `json:"tags"`
	Containers    *float64  `json:"containers"`
	Volumes       *float64  `json:"volumes"`
	Tasks         *float64  `json:"tasks"`
	LastHeartbeat time.Time `json:"last_heartbeat"`
	// DropsInSeconds is how long until its series go, unless it is heard of. It
	// is negative if the next sweep takes it.
	DropsInSeconds float64 `json:"drops_in_seconds"`
}

// Families are the metric families that events drive.
type Families struct {
	Total  int      `json:"total"`
	Series int      `json:"series"`
	Limit  int      `json:"limit"` // of the series of each
	List   []Family `json:"list"`  // those with the most series first
}

// A Family is one of them.
type Family struct {
	Name    string `json:"name"`
	Type    string `json:"type"` // counter, gauge, histogram
	Series  int    `json:"series"`
	Refused uint64 `json:"refused"` // updates for which there was no room

	// Labels tell which label makes them many: each with its number of distinct
	// values, the most first. Only the largest families have them, and none until
	// they were counted for the first time, which is done beside.
	Labels []LabelCount `json:"labels,omitempty"`
}

// A LabelCount is how many values a label has in a family.
type LabelCount struct {
	Name   string `json:"name"`
	Values int    `json:"values"`
}

// A Scrape is one request for the metrics page.
type Scrape struct {
	Time            time.Time `json:"time"` // when it began
	DurationSeconds float64   `json:"duration_seconds"`
	Bytes           int64     `json:"bytes"`    // as sent, compressed
	Format          string    `json:"format"`   // text, openmetrics, protobuf
	Encoding        string    `json:"encoding"` // gzip, zstd, or empty
	Status          int       `json:"status"`   // of HTTP
	Remote          string    `json:"remote"`   // address of who asked
	UserAgent       string    `json:"user_agent"`
}

// An Emitter is how it stands with the queue of one emitter.
type Emitter struct {
	Name          string `json:"name"`
	QueueLength   int    `json:"queue_length"`
	QueueCapacity int    `json:"queue_capacity"` // 0: it takes events without a queue
	Dropped       uint64 `json:"dropped"`
}
