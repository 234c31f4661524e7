package tracker

// Groups returns the number of groups, and Times the number of remembered times.
func (t *Tracker) Groups() int { return len(t.groups) }
func (t *Tracker) Times() int  { return len(t.commits.known) + len(t.deployments.known) }

// Empty reports whether the tracker accounts for no objects, groups and attributes.
func (t *Tracker) Empty() bool {
	return t.bytes == 0 && len(t.runAttributes) == 0 && len(t.groups) == 0
}

// Used returns the memory in bytes by the tracker's own account.
func (t *Tracker) Used() int { return t.used() }
