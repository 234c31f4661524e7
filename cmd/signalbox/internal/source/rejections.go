package source

import (
	"net/http"
	"time"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/internal/loglimit"
)

// rejectionBurst is the number of rejections that are logged before the limit of one
// per second applies. It is more than an operator reads, but not enough to fill a disk.
const rejectionBurst = 100

// Rejections logs rejected input, at a limited rate. The first line after rejections
// that were not logged contains their number.
//
// It is safe for concurrent use. Create it with NewRejections.
type Rejections struct {
	logger lager.Logger
	began  time.Time
	limit  loglimit.Limiter
}

// NewRejections returns a Rejections that logs to the logger at level error.
func NewRejections(logger lager.Logger) *Rejections {
	return &Rejections{logger: logger, began: time.Now(), limit: loglimit.Limiter{Burst: rejectionBurst}}
}

// Log logs a rejection, unless too many were logged recently. It may add to data, which
// must not be nil.
func (r *Rejections) Log(action string, err error, data lager.Data) {
	ok, unlogged := r.limit.Allow(time.Since(r.began))
	if !ok {
		return
	}
	if unlogged > 0 {
		data[loglimit.DataKey] = unlogged
	}
	r.logger.Error(action, err, data)
}

// RejectQuery responds to a request for which Query returned err, and logs the
// rejection.
func (r *Rejections) RejectQuery(w http.ResponseWriter, request *http.Request, err error) {
	r.Log("query-rejected", err, lager.Data{"remote": request.RemoteAddr})
	Reject(w, http.StatusBadRequest, err.Error())
}

// RejectEncoding responds to a request for which OpenBody returned err, and logs the
// rejection.
func (r *Rejections) RejectEncoding(w http.ResponseWriter, request *http.Request, err error) {
	r.Log("body-rejected", err, lager.Data{"remote": request.RemoteAddr})
	w.Header().Set("Accept-Encoding", Encodings)
	Reject(w, http.StatusUnsupportedMediaType, err.Error())
}
