package status

import "sync"

// keptScrapes is the number of scrapes that a scrapeLog keeps.
const keptScrapes = 20

// A scrapeLog keeps the latest scrapes. The zero value is empty. It is safe for
// concurrent use.
type scrapeLog struct {
	mu    sync.Mutex // protects the following fields
	ring  [keptScrapes]Scrape
	total int // scrapes so far; scrape n, counted from 0, is at n%keptScrapes
}

func (l *scrapeLog) add(s Scrape) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ring[l.total%keptScrapes] = s
	l.total++
}

// list returns the scrapes, newest first.
func (l *scrapeLog) list() []Scrape {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := make([]Scrape, 0, keptScrapes)
	for n := l.total - 1; n >= max(l.total-keptScrapes, 0); n-- {
		list = append(list, l.ring[n%keptScrapes])
	}
	return list
}
