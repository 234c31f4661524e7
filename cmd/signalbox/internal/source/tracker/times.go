package tracker

import "time"

// The limits of times.
const (
	maxTimes   = 50_000 // and at most one for two objects
	timeMemory = 14 * 24 * time.Hour
)

// times are the times of commits or of last deployments, as Unix times in nanoseconds.
type times struct {
	known map[key]knownTime
	order []key // in the order in which they were added
	limit int
	most  int // the highest number so far
}

type knownTime struct{ time, added int64 }

// set sets a time. A new one removes the oldest if there are too many.
func (s *times) set(k key, t int64, now time.Time) {
	known, ok := s.known[k]
	if !ok {
		if len(s.known) == s.limit {
			s.pop()
		}
		known.added = now.UnixNano()
		s.order = append(s.order, k)
	}
	known.time = t
	s.known[k] = known
	s.most = max(s.most, len(s.known))
}

// get returns a time, or 0 if it is unknown.
func (s *times) get(k key) int64 { return s.known[k].time }

// expire removes what was added too long ago.
func (s *times) expire(now time.Time) {
	for len(s.order) > 0 && now.UnixNano()-s.known[s.order[0]].added > int64(timeMemory) {
		s.pop()
	}
}

func (s *times) pop() {
	delete(s.known, s.order[0])
	s.order = s.order[1:]
}
