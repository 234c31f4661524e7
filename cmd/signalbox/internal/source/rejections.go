package source

import (
	"net/http"
	"sync"
	"time"

	"code.cloudfoundry.org/lager/v3"
)

const (
	// rejectionBurst is how many rejections are logged one by one before
	// rejectionInterval spaces them out. It is more than an operator reads and less
	// than fills a disk.
	rejectionBurst    = 100
	rejectionInterval = time.Second
)

// Rejections logs what was refused. All are counted, but when there are many only some
// are logged, each of those with the number that were not.
//
// It is safe for concurrent use. Make one with NewRejections.
type Rejections struct {
	logger lager.Logger

	mu       sync.Mutex // protects the following fields
	burst    int        // how many may be logged at once
	refilled time.Time  // when burst was last brought up to date
	unlogged int        // since the last that was logged
}

// NewRejections returns Rejections that go to the logger, on the error level.
func NewRejections(logger lager.Logger) *Rejections {
	return &Rejections{logger: logger, burst: rejectionBurst, refilled: time.Now()}
}

// Log logs a rejection, unless too many were logged recently.
func (r *Rejections) Log(action string, err error, data lager.Data) {
	unlogged, ok := r.take()
	if !ok {
		return
	}
	if unlogged > 0 {
		data["unlogged"] = unlogged
	}
	r.logger.Error(action, err, data)
}

// take decides whether a rejection may be logged, and returns how many before it were
// not.
func (r *Rejections) take() (unlogged int, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()

	if n := int(time.Since(r.refilled) / rejectionInterval); n > 0 {
		r.burst = min(r.burst+n, rejectionBurst)
		r.refilled = r.refilled.Add(time.Duration(n) * rejectionInterval)
	}
	if r.burst == 0 {
		r.unlogged++
		return 0, false
	}
	r.burst--
	unlogged, r.unlogged = r.unlogged, 0
	return unlogged, true
}

// RefuseEncoding answers and logs a request for whose body OpenBody returned an error.
func (r *Rejections) RefuseEncoding(w http.ResponseWriter, request *http.Request, err error) {
	r.Log("rejected-body", err, lager.Data{"remote": request.RemoteAddr})
	w.Header().Set("Accept-Encoding", Encodings)
	Refuse(w, http.StatusUnsupportedMediaType, err.Error())
}
