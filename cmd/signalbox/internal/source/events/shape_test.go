package events_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/events"
	"github.com/signalbox-ci/signalbox/metric"
)

var _ = Describe("Events with the same name", func() {
	var (
		sink    *recorder
		decoder *events.Decoder
		tally   events.Tally
	)

	BeforeEach(func() {
		sink = &recorder{}
		decoder = events.NewDecoder(source.Limits{})
		tally = events.Tally{Sink: sink}
	})

	take := func(lines ...string) []metric.Event {
		GinkgoHelper()
		sink.events = nil
		accept := func(e *events.Event) { tally.Accept(e) }
		reject := func(line int, err error) { Fail(fmt.Sprint(line, err)) }
		Expect(decoder.Decode(strings.NewReader(strings.Join(lines, "\n")), source.Lines, accept, reject)).To(Succeed())
		return sink.events
	}
	event := func(attributes string) string { return `{"name":"deploy","attributes":{` + attributes + `}}` }
	prepared := func(attributes ...string) metric.Event {
		e := metric.Event{Name: "deploy", Value: 1, Attributes: map[string]string{"prepared": "yes"}}
		for i := 0; i < len(attributes); i += 2 {
			e.Attributes[attributes[i]] = attributes[i+1]
		}
		return e
	}

	It("are emitted by a prepared function from the second event on, if they have the same attributes in the same order", func() {
		got := take(event(`"stage":"live","zone":"a"`), event(`"stage":"live","zone":"b"`), event(`"stage":"test","zone":""`))
		Expect(got[0].Attributes).To(Equal(map[string]string{"stage": "live", "zone": "a"}))
		Expect(got[1:]).To(Equal([]metric.Event{prepared("stage", "live", "zone", "b"), prepared("stage", "test", "zone", "")}))
	})

	It("are decoded correctly despite small differences", func() {
		for range 3 { // first with no shape expected, then with each of them expected
			for _, attributes := range [][]string{
				{`"a":"1","b":"2"`, "a", "1", "b", "2"},
				{`"a":"1"`, "a", "1"},
				{`"a":"1","b":"2","c":"3"`, "a", "1", "b", "2", "c", "3"},
				{`"b":"1","a":"2"`, "b", "1", "a", "2"},
				{`"a" : "1" , "b" :"2"`, "a", "1", "b", "2"},
				{`"a":"12","b":2`, "a", "12", "b", "2"},
				{`"a":"","b":"22"`, "a", "", "b", "22"},
				{`"\u0061":"1","b":"\u0032"`, "a", "1", "b", "2"},
				{`"a":"1\"","b":"2"`, "a", `1"`, "b", "2"},
				{`"a":true,"b":"2"`, "a", "true", "b", "2"},
			} {
				got := take(event(attributes[0]), event(attributes[0]))
				Expect(got[1]).To(Equal(prepared(attributes[1:]...)), attributes[0])
			}
		}
	})

	It("are emitted without preparation if they have too many shapes", func() {
		for i := range 10 {
			got := take(event(fmt.Sprintf(`"x%d":"1"`, i)), event(fmt.Sprintf(`"x%d":"2"`, i)))
			Expect(got).To(HaveLen(2))
			for _, e := range got {
				Expect(e.Attributes).To(HaveKey(fmt.Sprintf("x%d", i)))
			}
			if i >= 4 {
				Expect(got[1].Attributes).NotTo(HaveKey("prepared"))
			}
		}
		Expect(take(event(`"x0":"3"`))).To(Equal([]metric.Event{prepared("x0", "3")}), "the first shapes are still prepared")
	})

	It("have only their own attributes if they are not prepared", func() {
		long := strings.Repeat("x", 100) // such names are not kept
		got := take(event(`"`+long+`":"1","a":"1"`), event(`"`+long+`":"2"`), `{"name":"`+long+`"}`)
		Expect(got[0].Attributes).To(Equal(map[string]string{long: "1", "a": "1"}))
		Expect(got[1].Attributes).To(Equal(map[string]string{long: "2"}))
		Expect(got[2].Attributes).To(BeEmpty())
	})

	It("are counted as accepted, and as unknown if no rule uses them", func() {
		for range 3 {
			take(`{"name":"unknown"}`, `{"name":"deploy"}`, `{"name":"unknown","attributes":{"a":"b"}}`)
		}
		Expect(tally.Accepted).To(Equal(9))
		Expect(tally.Unknown).To(Equal(6))
	})

	It("are decoded correctly along with ten thousand other names", func() {
		var lines []string
		for i := range 10_000 {
			lines = append(lines, fmt.Sprintf(`{"name":"event %d","attributes":{"n":"%d"}}`, i, i))
		}
		lines = append(lines, lines...)
		for i, e := range take(lines...) {
			Expect(e.Name).To(Equal(fmt.Sprintf("event %d", i%10_000)))
			Expect(e.Attributes).To(HaveKeyWithValue("n", fmt.Sprint(i%10_000)))
		}
	})

	It("may have long names and values", func() {
		long := strings.Repeat("x", 200)
		for range 3 {
			Expect(take(event(`"` + long + `":"` + long + `"`))[0].Attributes).To(HaveKeyWithValue(long, long))
			Expect(take(`{"name":"` + long + `"}`)[0].Name).To(Equal(long))
		}
	})
})

func TestDecodingDoesNotAllocate(t *testing.T) {
	var body bytes.Buffer
	for i := range 100 {
		fmt.Fprintf(&body, `{"name":"worker tasks","value":%d.5,"attributes":{"platform":"linux","worker":"w-%d"}}`+"\n", i, i)
		fmt.Fprintf(&body, `{"name":"lock held","value":0,"attributes":{"type":"Batch"},"host":"web-1","time":"2026-08-07T10:11:12.5Z","id":"%d"}`+"\n", i)
	}
	for _, sink := range []source.Sink{discard{}, prefetching{}} {
		decoder := events.NewDecoder(source.Limits{})
		tally := events.Tally{Sink: sink, IDs: noIDs{}}
		accept := func(e *events.Event) { tally.Accept(e) }
		reject := func(line int, err error) { t.Error(line, err) }
		reader := bytes.NewReader(nil)
		if n := testing.AllocsPerRun(50, func() {
			reader.Reset(body.Bytes())
			if err := decoder.Decode(reader, source.Lines, accept, reject); err != nil {
				t.Error(err)
			}
		}); n > 5 {
			t.Errorf("%T: got %v allocations for 200 events, expected at most 5, for the whole body", sink, n)
		}
	}
}

// prefetching is a Sink that does nothing, but has a function to prefetch.
type prefetching struct{ discard }

func (prefetching) Prepare(metric.EventType) (func(*metric.Event, []string, *metric.Outcome), func([][]string)) {
	return func(*metric.Event, []string, *metric.Outcome) {}, func([][]string) {}
}

// A noIDs is an IDs that contains no ID.
type noIDs struct{}

func (noIDs) Add([]byte) bool { return true }
func (noIDs) Has([]byte) bool { return false }
func (noIDs) Remove([]byte)   {}
