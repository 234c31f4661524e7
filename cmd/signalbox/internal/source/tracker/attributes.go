package tracker

import "cmp"

// fields are the attributes of events. The last endFields ones are only known at the
// end of an object.
var fields = [...]struct {
	name  string
	value func(*Change) string
}{
	{"system", func(c *Change) string { return c.System }},
	{"instance", func(c *Change) string { return c.Instance }},
	{"owner", func(c *Change) string { return c.Attributes.Owner }},
	{"repository", func(c *Change) string { return c.Attributes.Repository }},
	{"pipeline", func(c *Change) string { return c.Attributes.Pipeline }},
	{"branch", func(c *Change) string { return c.Attributes.Branch }},
	{"ref_kind", func(c *Change) string { return c.Attributes.RefKind }},
	{"trigger", func(c *Change) string { return c.Attributes.Trigger }},
	{"retry", func(c *Change) string { return c.Attributes.Retry }},
	{"commit", func(c *Change) string { return c.Attributes.Commit }},
	{"url", func(c *Change) string { return c.Attributes.URL }},
	{"run_id", (*Change).runID},
	{"attempt", func(c *Change) string { return c.Attempt }},
	{"job_id", (*Change).jobID},
	{"job", func(c *Change) string { return c.Attributes.Job }},
	{"runner_class", func(c *Change) string { return c.Attributes.RunnerClass }},
	{"runner_group", func(c *Change) string { return c.Attributes.RunnerGroup }},
	{"queue", func(c *Change) string { return c.Attributes.Queue }},
	{"worker", func(c *Change) string { return c.Attributes.Worker }},
	{"environment", func(c *Change) string { return c.Attributes.Environment }},
	{"tier", func(c *Change) string { return c.Attributes.Tier }},
	{"service", func(c *Change) string { return c.Attributes.Service }},
	{"result", (*Change).result},
	{"raw_result", func(c *Change) string { return c.Attributes.RawResult }},
	{"error_type", (*Change).errorType},
}

const endFields = 3

// attributes returns the non-empty attributes of events about the change, with those
// that are only known at the end if atEnd is true.
func (c *Change) attributes(atEnd bool) map[string]string {
	known := fields[:len(fields)-endFields]
	if atEnd {
		known = fields[:]
	}
	m := make(map[string]string, len(known))
	for _, f := range known {
		if v := f.value(c); v != "" {
			m[f.name] = v
		}
	}
	return m
}

// attribute returns one attribute; empty if there is none with that name.
func (c *Change) attribute(name string) string {
	for _, f := range fields {
		if f.name == name {
			return f.value(c)
		}
	}
	return ""
}

func (c *Change) runID() string {
	if c.Kind == Run {
		return c.ID
	}
	return c.RunID
}

func (c *Change) jobID() string {
	if c.Kind == Job {
		return c.ID
	}
	return ""
}

func (c *Change) result() string {
	if c.Kind > Deployment {
		return c.Result
	}
	return cmp.Or(c.Result, ResultOther)
}

func (c *Change) errorType() string {
	switch c.Result {
	case ResultFailure, ResultError, ResultTimeout:
		return cmp.Or(c.Attributes.ErrorType, "_OTHER") // as in OpenTelemetry
	}
	return ""
}

// complete fills in what a job's payload does not say about its run.
func (a *Attributes) complete(r *runAttributes) {
	a.Pipeline = cmp.Or(a.Pipeline, r.pipeline)
	a.Branch = cmp.Or(a.Branch, r.branch)
	a.RefKind = cmp.Or(a.RefKind, r.refKind)
	a.Trigger = cmp.Or(a.Trigger, r.trigger)
}
