package tracker

// ObjectBytes is the maximum memory for each object of MaxObjects, with its part of what
// the tracker remembers about commits. An object of ordinary size takes less.
const ObjectBytes = 500

// Approximate memory, in bytes.
const (
	minLimit = 64 << 10 // however low MaxObjects is

	entryBytes      = 80 // a pointer in a map; one with many removals can be three quarters empty
	objectBytes     = 144
	runBytes        = 24
	jobBytes        = 80
	attributesBytes = 144
	groupBytes      = 112 + 48 // with a map without entries
	timeBytes       = 150
)

// limit returns how much memory the tracker may use.
func (t *Tracker) limit() int { return max(minLimit, t.options.MaxObjects*ObjectBytes) }

// used returns approximately how much memory the tracker uses.
func (t *Tracker) used() int {
	return t.bytes + entryBytes*(t.mostObjects+t.mostGroups+t.mostAttributes) + timeBytes*(t.commits.most+t.deployments.most)
}

// size returns the memory for an object, without its groups and attributes.
func (o *object) size() int {
	if o.run == nil {
		return objectBytes
	}
	return objectBytes + runBytes
}

// size returns the memory for the description of a waiting job, which can be nil.
func (j *waitingJob) size() int {
	if j == nil {
		return 0
	}
	return jobBytes + textBytes(j.id) + textBytes(j.name) + textBytes(j.repository) + textBytes(j.pipeline) + textBytes(j.url)
}

// size returns the memory for the attributes of runs.
func (a *runAttributes) size() int {
	n := attributesBytes
	for _, text := range [...]string{a.owner, a.repository, a.pipeline, a.branch, a.refKind, a.trigger, a.retry} {
		n += textBytes(text)
	}
	return n
}

// size returns the memory for a group.
func (g *group) size() int {
	const slot = 33 // of a map of texts
	n := groupBytes
	switch l := len(g.attributes); {
	case l > 8:
		n += 100 + l*slot*16/7
	case l > 0:
		n += 9 * slot
	}
	for _, v := range g.attributes {
		n += textBytes(v)
	}
	return n
}

// textBytes returns the memory that is allocated for a text.
func textBytes(text string) int {
	if text == "" {
		return 0
	}
	return len(text) + len(text)/8 + 8
}

// makeRoom removes the oldest objects, except that of the change, while the tracker uses
// too much memory.
func (u *update) makeRoom() {
	t := u.tracker
	for t.used() > t.limit() {
		o := t.oldest(u.o)
		if o == nil {
			return
		}
		u.evict(o)
	}
}
