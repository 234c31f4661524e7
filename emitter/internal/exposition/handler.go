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
	scrape := &scrape{page: o.Page, done: o.Done, logger: o.Logger}
	compressed, err := gzhttp.NewWrapper(
		gzhttp.MinSize(1024),
		gzhttp.ContentTypeFilter(func(string) bool { return true }),
	)
	if err != nil {
		panic("BUG: " + err.Error()) // the options above are constants
	}
	handler := compressed(scrape)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
			handler.ServeHTTP(w, r)
		default:
			o.Refused()
			http.Error(w, fmt.Sprintf("%d scrapes are under way, which is the limit", o.MaxInFlight), http.StatusServiceUnavailable)
		}
	})
}

type scrape struct {
	page   Page
	done   func(time.Duration)
	logger func() lager.Logger
	logged atomic.Int64 // when an error was last logged, in seconds
}

func (s *scrape) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	begin := time.Now()
	format := expfmt.NegotiateAccept(r.Header, expfmt.DefaultOpenMetricsAcceptedFormats()...)
	w.Header().Set("Content-Type", string(format))
	if r.Method == http.MethodHead {
		return
	}
	if err := s.page.Write(w, format); err != nil && r.Context().Err() == nil {
		if now, last := begin.Unix(), s.logged.Load(); now != last && s.logged.CompareAndSwap(last, now) {
			s.logger().Error("scrape-incomplete", err)
		}
	}
	s.done(time.Since(begin))
}
