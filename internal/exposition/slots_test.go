package exposition

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"code.cloudfoundry.org/lager/v3"
	"code.cloudfoundry.org/lager/v3/lagertest"

	"github.com/signalbox-ci/signalbox/internal/series"
)

// taken returns n slots, which must be free, and an array that counts calls of abort.
func taken(t *testing.T, s *slots, n int) ([]*slot, []int) {
	t.Helper()
	list, aborts := make([]*slot, n), make([]int, n)
	for i := range n {
		if list[i] = s.take(t.Context(), scraper{}, func() { aborts[i]++ }); list[i] == nil {
			t.Fatalf("slot %d is not free", i)
		}
	}
	return list, aborts
}

func TestTheScrapeThatIsStalledForLongestIsAborted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlots(4)
		list, aborts := taken(t, s, 4)
		list[0].beginWrite()
		list[0].endWrite(10) // it is computing
		time.Sleep(time.Millisecond)
		list[1].beginWrite()
		time.Sleep(time.Millisecond)
		list[2].beginWrite()
		time.Sleep(time.Millisecond)
		list[3].beginWrite()
		list[3].endWrite(10)
		list[3].beginWrite()
		time.Sleep(unreadStall)
		for _, expected := range [][]int{{0, 1, 0, 0}, {0, 1, 1, 0}, {0, 1, 1, 1}} {
			begun := time.Now()
			if s.take(t.Context(), scraper{}, func() {}) == nil || time.Since(begun) != 0 {
				t.Fatalf("got no slot immediately, expected that of a stalled scrape")
			}
			if [4]int(aborts) != [4]int(expected) {
				t.Errorf("aborted %v, expected %v", aborts, expected)
			}
		}
		for i, slot := range list {
			if slot.aborted.Load() != (i > 0) {
				t.Errorf("scrape %d: got aborted %t", i, slot.aborted.Load())
			}
			slot.free(false) // only the first one still has its slot
		}
		if len(s.taken) != 3 {
			t.Errorf("got %d slots taken, expected 3", len(s.taken))
		}
	})
}

// A client that has read something is given more time.
func TestAScrapeThatHasMadeProgressIsStalledLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlots(1)
		list, aborts := taken(t, s, 1)
		list[0].endWrite(maxUnread + 1)
		list[0].beginWrite()
		begun := time.Now()
		if s.take(t.Context(), scraper{}, func() {}) == nil || aborts[0] != 1 {
			t.Fatal("got no slot, expected that of the stalled scrape")
		}
		if took := time.Since(begun); took < readStall || took > readStall+retryInterval {
			t.Errorf("waited %s, expected %s", took, readStall)
		}
	})
}

func TestAScrapeWaitsForASlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlots(1)
		list, _ := taken(t, s, 1)
		got := make(chan string, 2)
		wait := func(name string) {
			if slot := s.take(t.Context(), scraper{}, func() {}); slot != nil {
				got <- name
				slot.free(false)
			}
		}
		go wait("older")
		synctest.Wait()
		go wait("newer")
		time.Sleep(time.Second)
		list[0].free(false)
		if first, second := <-got, <-got; first != "newer" || second != "older" {
			t.Errorf("got %s before %s, expected the newer one first", first, second)
		}
		synctest.Wait()
		if len(s.taken) != 0 || len(s.waiting) != 0 {
			t.Errorf("got %d slots taken and %d scrapes waiting, expected none", len(s.taken), len(s.waiting))
		}
	})
}

// Scrapers that have read a whole page before get slots first and have more time.
func TestKnownScrapersComeFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlots(1)
		known := scraper{userAgent: "Prometheus"}
		s.take(t.Context(), known, func() {}).free(true)
		list, _ := taken(t, s, 1)
		got := make(chan *slot, 2)
		go func() { got <- s.take(t.Context(), known, func() {}) }()
		synctest.Wait()
		go func() { got <- s.take(t.Context(), scraper{}, func() {}) }()
		synctest.Wait()
		list[0].free(false)
		first := <-got
		if first.scraper != known {
			t.Fatal("an unknown scraper got the slot first")
		}
		first.beginWrite()
		begun := time.Now()
		<-got
		if took := time.Since(begun); took < readStall || took > readStall+retryInterval || !first.aborted.Load() {
			t.Errorf("the scrape was aborted after %s, expected %s", took, readStall)
		}
		first.free(true)
		if len(s.readers) != 0 {
			t.Errorf("got %v, expected that a scraper whose scrape is aborted is no longer known", s.readers)
		}
		for i := range maxReaders + 10 {
			(&slot{slots: s, scraper: scraper{host: string(rune(i))}}).free(true)
		}
		if len(s.readers) != maxReaders {
			t.Errorf("got %d known scrapers, expected %d", len(s.readers), maxReaders)
		}
	})
}

func TestAScrapeDoesNotWaitForever(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlots(1)
		_, aborts := taken(t, s, 1)
		begun := time.Now()
		if s.take(t.Context(), scraper{}, func() {}) != nil || time.Since(begun) != maxWait {
			t.Errorf("waited %s, expected no slot after %s", time.Since(begun), maxWait)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		begun = time.Now()
		if s.take(ctx, scraper{}, func() {}) != nil || time.Since(begun) != time.Millisecond {
			t.Errorf("waited %s, expected no slot when the client has gone", time.Since(begun))
		}
		if len(s.waiting) != 0 || aborts[0] != 0 {
			t.Errorf("got %d scrapes waiting and %d aborts, expected none", len(s.waiting), aborts[0])
		}
		time.Sleep(time.Minute) // the timer must not go off again without scrapes that wait
	})
}

// smallStore returns a store with one series.
func smallStore(t *testing.T) *series.Store {
	t.Helper()
	store := series.NewStore(series.Options{})
	f, err := store.AddFamily(series.FamilyOptions{Name: "m", Type: series.Gauge})
	if err != nil {
		t.Fatal(err)
	}
	f.Update(series.Set, &series.Values{}, "", 1, 0)
	return store
}

// Scrapes beyond the limit are answered with 503 if all others are making progress.
func TestScrapesBeyondTheLimitAreRejected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		proceed := make(chan struct{})
		var done []Scrape
		page := Page{Store: smallStore(t), Refresh: func() { <-proceed }}
		h := newMetricsHandler(HandlerOptions{
			Page: page, MaxInFlight: 1, Done: func(s Scrape) { done = append(done, s) },
			Logger: func() lager.Logger { return lager.NewLogger("test") },
		})
		scrape := func() *httptest.ResponseRecorder {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
			return w
		}
		first := make(chan int)
		go func() { first <- scrape().Code }()
		synctest.Wait()
		w := scrape()
		if w.Code != http.StatusServiceUnavailable || w.Body.String() != "the limit of 1 concurrent scrapes is reached\n" {
			t.Errorf("got %d %q", w.Code, w.Body)
		}
		if len(done) != 1 || !done[0].Refused() || done[0].Bytes != int64(w.Body.Len()) || done[0].Format != "" {
			t.Errorf("got scrapes %+v, expected one that was rejected", done)
		}
		close(proceed)
		if status := <-first; status != http.StatusOK {
			t.Errorf("got status %d for the first scrape, expected 200", status)
		}
		if w := scrape(); w.Code != http.StatusOK {
			t.Errorf("got status %d after it, expected 200", w.Code)
		}
	})
}

// A stuckWriter is a response whose client does not read.
type stuckWriter struct {
	*httptest.ResponseRecorder
	deadline chan time.Time
}

func (w stuckWriter) Write([]byte) (int, error) {
	<-w.deadline
	return 0, http.ErrHandlerTimeout
}

func (w stuckWriter) SetWriteDeadline(t time.Time) error {
	w.deadline <- t
	return nil
}

func TestAnAbortedScrapeIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logger := lagertest.NewTestLogger("test")
		done := make(chan Scrape, 2)
		h := newMetricsHandler(HandlerOptions{
			Page: Page{Store: smallStore(t)}, MaxInFlight: 1, Done: func(s Scrape) { done <- s },
			Logger: func() lager.Logger { return logger },
		})
		r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
		ctx, cancel := context.WithCancel(r.Context())
		go func() {
			h.ServeHTTP(stuckWriter{httptest.NewRecorder(), make(chan time.Time, 1)}, r.WithContext(ctx))
		}()
		time.Sleep(time.Second)
		cancel() // as the server does when a write fails
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		if w.Code != http.StatusOK || w.Body.Len() == 0 {
			t.Errorf("got status %d, expected a page", w.Code)
		}
		synctest.Wait()
		a, b := <-done, <-done
		if a.Aborted == b.Aborted {
			t.Errorf("got %+v and %+v, expected one that was aborted", a, b)
		}
		if log := strings.Join(logger.LogMessages(), " "); log != "test.scrape-aborted" {
			t.Errorf("logged %s", log)
		}
	})
}

// A HEAD request has no page that its client could read or not, so it changes nothing
// about what is known of the client, and neither takes nor waits for a slot.
func TestHeadRequestsDoNotConcernTheSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var done []Scrape
		h := newMetricsHandler(HandlerOptions{
			Page: Page{Store: smallStore(t)}, MaxInFlight: 1, Done: func(s Scrape) { done = append(done, s) },
			Logger: func() lager.Logger { return lager.NewLogger("test") },
		})
		slots := h.slots
		head := func() {
			t.Helper()
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(http.MethodHead, "/metrics", nil))
			if w.Code != http.StatusOK || w.Body.Len() != 0 || w.Header().Get("Content-Type") == "" {
				t.Errorf("got status %d, %d bytes and header %v", w.Code, w.Body.Len(), w.Header())
			}
		}
		head()
		if len(slots.readers) != 0 {
			t.Error("a client is known after a HEAD request")
		}
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/metrics", nil))
		if len(slots.readers) != 1 {
			t.Fatal("a client is not known after a scrape")
		}
		head()
		if len(slots.readers) != 1 {
			t.Error("a client is not known after another HEAD request")
		}
		_, aborts := taken(t, slots, 1)
		head()
		if aborts[0] != 0 || len(done) != 1 {
			t.Errorf("got %d aborts and scrapes %+v, expected one scrape", aborts[0], done)
		}
	})
}
