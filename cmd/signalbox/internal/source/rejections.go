package source

import (
	"net/http"
	"time"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/internal/loglimit"
)

// rejectionBurst is the number of rejections that are logged before the limit of one a
// second applies. It is more than an operator reads, but does not fill a disk.
const rejectionBurst = 100

// Rejections logs rejected input. It limits the number of log lines; each line has the
// number of rejections that were not logged before it.
//
// It is safe for concurrent use. Create it with NewRejections.
type Rejections struct {
	logger lager.Logger
	began  time.Time
	limit  loglimit.Limiter
}

// NewRejections returns Rejections that log to the logger, at level error.
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

// RefuseEncoding answers and logs a request for which OpenBody returned an error.
func (r *Rejections) RefuseEncoding(w http.ResponseWriter, request *http.Request, err error) {
	r.Log("rejected-body", err, lager.Data{"remote": request.RemoteAddr})
	w.Header().Set("Accept-Encoding", Encodings)
	Refuse(w, http.StatusUnsupportedMediaType, err.Error())
}
