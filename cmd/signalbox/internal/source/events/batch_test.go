package events_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"

	"code.cloudfoundry.org/lager/v3/lagertest"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/events"
	"github.com/signalbox-ci/signalbox/metric"
)

var _ = Describe("A Sink that prefetches", func() {
	newHandler := func(sink source.Sink, ids events.IDs) http.Handler {
		return events.NewHandler(events.Options{
			Logger: lagertest.NewTestLogger("intake"), Sink: sink, IDs: ids, Bodies: &source.WholeBodies{},
			Limits: source.Limits{LineBytes: 100_000},
		})
	}

	It("prefetches for all events of a type among the next 32", func() {
		sink := &prefetchingRecorder{}
		var body strings.Builder
		line := func(name string, i int) { fmt.Fprintf(&body, `{"name":%q,"attributes":{"n":"%d"}}`+"\n", name, i) }
		for i := range 2 { // until the types are prepared
			line("a", i)
			line("b", i)
		}
		for i := range 32 {
			line([]string{"a", "b", "b", "b"}[i%4], i)
		}
		line("a", 32) // alone
		newHandler(sink, nil).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, events.Path, strings.NewReader(body.String())))
		Expect(sink.prefetched).To(Equal([]string{
			"4 a [[0] [4] [8] [12] [16] [20] [24] [28]]",
			"4 b [[1] [2] [3] [5] [6] [7] [9] [10] [11] [13] [14] [15] [17] [18] [19] [21] [22] [23] [25] [26] [27] [29] [30] [31]]",
		}))
		Expect(sink.events).To(HaveLen(4 + 32 + 1))
	})

	It("has no effect on the results", func() {
		plain, prefetching := &recorder{}, &prefetchingRecorder{}
		var ids [2]idSet
		handlers := []http.Handler{newHandler(plain, &ids[0]), newHandler(prefetching, &ids[1])}
		random := rand.New(rand.NewPCG(1, 2))
		for range 300 {
			body, query := randomBody(random)
			seed := random.Uint64()
			var responses []*httptest.ResponseRecorder
			for _, handler := range handlers {
				w := httptest.NewRecorder()
				chunks := &chunkReader{strings.NewReader(body), rand.New(rand.NewPCG(seed, 0))}
				handler.ServeHTTP(w, httptest.NewRequest(http.MethodPost, events.Path+query, chunks))
				responses = append(responses, w)
			}
			Expect(responses[1].Code).To(Equal(responses[0].Code), body)
			Expect(responses[1].Body.String()).To(Equal(responses[0].Body.String()), body)
		}
		for _, sink := range []*recorder{plain, &prefetching.recorder} {
			for _, event := range sink.events {
				delete(event.Attributes, "prepared") // depends on whether the Decoder is reused
			}
		}
		Expect(prefetching.events).To(HaveLen(len(plain.events)))
		for i, event := range plain.events {
			Expect(prefetching.events[i]).To(Equal(event))
		}
		Expect(prefetching.malformed).To(Equal(plain.malformed))
		Expect(ids[1]).To(Equal(ids[0]))
		Expect(len(prefetching.prefetched)).To(BeNumerically(">", 100))
		Expect(len(plain.events)).To(BeNumerically(">", 10_000))
	})

	DescribeTable("receives each event before more of the body arrives",
		func(query, before, after string) {
			sink := &prefetchingRecorder{}
			handler := newHandler(sink, nil)
			body, writer := io.Pipe()
			DeferCleanup(writer.Close)
			go handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, events.Path+query, body))
			fmt.Fprint(writer, before)
			for i := range 5 {
				_, err := fmt.Fprint(writer, `{"name":"a"}`, after)
				Expect(err).NotTo(HaveOccurred())
				Eventually(sink.names).Should(HaveLen(i + 1))
			}
		},
		Entry("in lines", "", "", "\n"),
		Entry("in an array", "", "[", ","),
		Entry("in a stream", "?ack=end", "", "\n"),
	)
})

// A prefetchingRecorder is a recorder with a function to prefetch.
type prefetchingRecorder struct {
	recorder
	prefetched []string // the number of previous events, the name, and the values
}

func (r *prefetchingRecorder) Prepare(t metric.EventType) (func(*metric.Event, []string, *metric.Outcome), func([][]string)) {
	emit, _ := r.recorder.Prepare(t)
	return emit, func(batch [][]string) {
		r.prefetched = append(r.prefetched, fmt.Sprint(len(r.events), " ", t.Name, " ", batch))
	}
}

// randomBody returns lines or an array of events, and the query with which to post it.
func randomBody(random *rand.Rand) (body, query string) {
	values := []string{`"x"`, `"y"`, `"long ` + strings.Repeat("z", 5000) + `"`, `7`, `"\u00e4"`, `""`}
	names := []string{"a", "a", "a", "a", "b", "b", "refused", "partial", "unknown", "misspeled"}
	ends := []string{"\n", "\n", "\n\n", "\r\n"}
	before, after, mistakes := "", "", 10
	switch random.IntN(6) {
	case 0:
		before, after, ends = "[", "]", []string{",", ",\n"}
		mistakes = 1000
	case 1:
		query, mistakes = "?strict=1", 1000
	case 2:
		query = "?ack=end"
	}
	var b bytes.Buffer
	b.WriteString(before)
	for i := range random.IntN(200) {
		if i > 0 {
			b.WriteString(ends[random.IntN(len(ends))])
		}
		if random.IntN(mistakes) == 0 {
			b.WriteString([]string{"oops", `{"name":5}`, `{"name":"a"`, "{\"name\":\"\xff\"}", `"` + strings.Repeat("x", 100_000) + `"`}[random.IntN(5)])
			continue
		}
		fmt.Fprintf(&b, `{"name":%q,"value":%d,"attributes":{"k":%s`, names[random.IntN(len(names))], i, values[random.IntN(len(values))])
		if random.IntN(10) == 0 {
			fmt.Fprintf(&b, `,"l%d":true`, random.IntN(8))
		}
		b.WriteString("}")
		if random.IntN(3) == 0 {
			fmt.Fprintf(&b, `,"id":"%d"`, random.IntN(5000))
		}
		if random.IntN(3) == 0 {
			fmt.Fprintf(&b, `,"host":"h%d"`, random.IntN(3))
		}
		b.WriteString("}")
	}
	b.WriteString(after)
	return b.String(), query
}

// A chunkReader reads a random number of bytes at a time.
type chunkReader struct {
	io.Reader
	random *rand.Rand
}

func (r *chunkReader) Read(p []byte) (int, error) {
	return r.Reader.Read(p[:min(len(p), 1+r.random.IntN(20_000))])
}
