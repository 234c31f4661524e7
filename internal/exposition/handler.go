package exposition

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"code.cloudfoundry.org/lager/v3"
	"github.com/klauspost/compress/gzhttp"
	"github.com/prometheus/common/expfmt"
)

// newMetricsHandler answers scrapes with the page, in the format and compression
// that the scraper prefers. More than the given number at a time are answered
// 503, so that scrapers that do not keep up cannot pile up.
func newMetricsHandler(o ServerOptions) http.Handler {
	slots := make(chan struct{}, o.MaxInFlight)
	compressed, err := gzhttp.NewWrapper(
		gzhttp.MinSize(1024),
		gzhttp.ContentTypeFilter(func(string) bool { return true }),
	)
	if err != nil {
		panic("BUG: " + err.Error()) // the options above are constants
	}
	handler := compressed(&pageHandler{page: o.Page, logger: o.Logger})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begin := time.Now()
		counted := &countedWriter{ResponseWriter: w}
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
			handler.ServeHTTP(counted, r)
		default:
			http.Error(counted, fmt.Sprintf("%d scrapes are under way, which is the limit", o.MaxInFlight), http.StatusServiceUnavailable)
		}
		if s := counted.scrape(r, time.Since(begin)); r.Method != http.MethodHead || s.Refused() {
			o.Done(s)
		}
	})
}

// A pageHandler answers with the page.
type pageHandler struct {
	page   Page
	logger func() lager.Logger
	logged atomic.Int64 // when an error was last logged, in seconds
}

func (h *pageHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	format := expfmt.NegotiateAccept(r.Header, expfmt.DefaultOpenMetricsAcceptedFormats()...)
	w.Header().Set("Content-Type", string(format))
	if r.Method == http.MethodHead {
		return
	}
	if err := h.page.Write(w, format); err != nil && r.Context().Err() == nil {
		if now, last := time.Now().Unix(), h.logged.Load(); now != last && h.logged.CompareAndSwap(last, now) {
			h.logger().Error("scrape-incomplete", err)
		}
	}
}
