package source

import (
	"net/http"
	"time"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/internal/loglimit"
)

// rejectionBurst is how many rejections are logged one by one before one a second is.
// It is more than an operator reads and less than fills a disk.
const rejectionBurst = 100

// Rejections logs what was refused. All are counted, but when there are many only some
// are logged, each of those with the number that were not.
//
// It is safe for concurrent use. Make one with NewRejections.
type Rejections struct {
	logger lager.Logger
	began  time.Time
	limit  loglimit.Limiter
}

// NewRejections returns Rejections that go to the logger, on the error level.
func NewRejections(logger lager.Logger) *Rejections {
	return &Rejections{logger: logger, began: time.Now(), limit: loglimit.Limiter{Burst: rejectionBurst}}
}

// Log logs a rejection, unless too many were logged recently.
func (r *Rejections) Log(action string, err error, data lager.Data) {
	ok, unlogged := r.limit.Allow(time.Since(r.began))
	if !ok {
		return
	}
	if unlogged > 0 {
		data["unlogged"] = unlogged
	}
	r.logger.Error(action, err, data)
}

// RefuseEncoding answers and logs a request for whose body OpenBody returned an error.
func (r *Rejections) RefuseEncoding(w http.ResponseWriter, request *http.Request, err error) {
	r.Log("rejected-body", err, lager.Data{"remote": request.RemoteAddr})
	w.Header().Set("Accept-Encoding", Encodings)
	Refuse(w, http.StatusUnsupportedMediaType, err.Error())
}
