package emitter

import (
	"sync"
	"time"

	"github.com/signalbox-ci/signalbox/internal/exposition"
	"github.com/signalbox-ci/signalbox/internal/series"
	"github.com/signalbox-ci/signalbox/internal/status"
)

// keptScrapes is how many scrapes are remembered.
const keptScrapes = 20

// A scrapeLog remembers the latest scrapes. Its zero value is empty. It is safe for
// concurrent use.
type scrapeLog struct {
	mu   sync.Mutex // guards what follows
	ring [keptScrapes]loggedScrape
	n    int // scrapes so far; the n-th stands at n%keptScrapes
}

type loggedScrape struct {
	exposition.Scrape
	began series.Instant
}

func (l *scrapeLog) add(s exposition.Scrape, ended series.Instant) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ring[l.n%keptScrapes] = loggedScrape{s, ended - series.Instant(s.Took)}
	l.n++
}

// list is the scrapes, the newest first.
func (l *scrapeLog) list(wall series.Wall) []status.Scrape {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := make([]status.Scrape, 0, keptScrapes)
	for n := l.n - 1; n >= max(l.n-keptScrapes, 0); n-- {
		s := &l.ring[n%keptScrapes]
		list = append(list, status.Scrape{
			Time:            wall.Time(s.began),
			DurationSeconds: s.Took.Round(time.Microsecond).Seconds(),
			Bytes:           s.Bytes,
			Format:          s.Format,
			Encoding:        s.Encoding,
			Status:          s.Status,
			Remote:          s.Remote,
			UserAgent:       s.UserAgent,
		})
	}
	return list
}

// scraped counts and remembers a request for the page.
func (p *Prometheus) scraped(s exposition.Scrape) {
	if s.Refused() {
		p.self.scrapeRefused()
	} else {
		p.self.scraped(s.Took)
	}
	p.scrapes.add(s, p.clock.Tick())
}
