package cloudevents_test

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/cloudevents"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
)

func TestCloudEvents(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "CloudEvents")
}

const one = `{"specversion": "1.0", "id": "1", "source": "/a", "type": "t", "subject": "s", "time": "2026-03-04T10:00:00Z", "data": {"x": 1}}`

// headers returns a header with the pairs of names and values.
func headers(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Set(pairs[i], pairs[i+1])
	}
	return h
}

var _ = Describe("Decode", func() {
	at := time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)
	event := func(id string) cloudevents.Event {
		return cloudevents.Event{ID: id, Source: "/a", Type: "t", Subject: "s", Time: at, Data: []byte(`{"x": 1}`)}
	}
	binary := []string{"ce-id", "1", "ce-source", "/a", "ce-type", "t", "ce-subject", "s", "ce-time", "2026-03-04T10:00:00Z"}

	DescribeTable("decodes each mode", func(body string, ids []string, header http.Header) {
		var want []cloudevents.Event
		for _, id := range ids {
			want = append(want, event(id))
		}
		Expect(cloudevents.Decode(header, []byte(body))).To(Equal(want))
	},
		Entry("binary", `{"x": 1}`, []string{"1"}, headers(append(binary, "Content-Type", "application/json")...)),
		Entry("binary, without a content type", `{"x": 1}`, []string{"1"}, headers(binary...)),
		Entry("structured", one, []string{"1"}, headers("Content-Type", "application/cloudevents+json; charset=utf-8")),
		Entry("structured, with attributes in headers too", one, []string{"1"}, headers("Content-Type", "Application/CloudEvents+JSON", "ce-type", "u", "ce-id", "7")),
		Entry("structured, from a file", one, []string{"1"}, headers()),
		Entry("structured, in base64", strings.Replace(one, `"data": {"x": 1}`, `"data_base64": "`+base64.StdEncoding.EncodeToString([]byte(`{"x": 1}`))+`"`, 1), []string{"1"},
			headers("Content-Type", "application/cloudevents+json")),
		Entry("structured, with a number as ID", strings.Replace(one, `"1", "source"`, `1, "source"`, 1), []string{"1"}, headers()),
		Entry("a batch", "["+one+","+strings.Replace(one, `"1", "source"`, `"2", "source"`, 1)+"]", []string{"1", "2"}, headers("Content-Type", "application/cloudevents-batch+json")),
		Entry("a batch, from a file", " ["+one+"]", []string{"1"}, headers()),
		Entry("an empty batch", "[]", nil, headers("Content-Type", "application/cloudevents-batch+json")),
	)

	It("decodes percent signs in headers, unless they are damaged", func() {
		events, err := cloudevents.Decode(headers("ce-type", "t", "ce-source", "/caf%C3%A9+%20", "ce-subject", "100%"), nil)
		Expect(err).NotTo(HaveOccurred())
		Expect(events).To(Equal([]cloudevents.Event{{Type: "t", Source: "/café+ ", Subject: "100%"}}))
	})

	It("uses what it can read", func() {
		Expect(cloudevents.Decode(headers("Content-Type", "application/cloudevents-batch+json"), []byte(`[null, 1, {"id": {}, "type": [], "time": "x", "data": null, "data_base64": "eyJ4"}]`))).
			To(Equal([]cloudevents.Event{{Data: []byte("null")}, {Data: []byte("null")}, {Data: []byte(`{"x`)}}))
		Expect(cloudevents.Decode(headers(), []byte(`{"context": {"id": "1"}}`))).To(Equal([]cloudevents.Event{{Data: []byte(`{"context": {"id": "1"}}`)}}))
		Expect(cloudevents.Decode(headers("Content-Type", "application/cloudevents-batch+json"), []byte(one))).To(BeEmpty())
	})

	DescribeTable("returns an error if the body is not JSON", func(body, contentType string) {
		_, err := cloudevents.Decode(headers("Content-Type", contentType), []byte(body))
		Expect(err).To(MatchError(ContainSubstring("not JSON")))
	},
		Entry(nil, one[:50], "application/cloudevents+json"),
		Entry(nil, "["+one, "application/cloudevents-batch+json"),
		Entry(nil, "["+one+",]", ""),
		Entry(nil, "", ""),
	)

	It("limits the number of events in a batch", func() {
		batch := func(n int) []byte { return []byte("[{}" + strings.Repeat(",{}", n-1) + "]") }
		Expect(cloudevents.Decode(headers(), batch(1000))).To(HaveLen(1000))
		_, err := cloudevents.Decode(headers(), batch(1001))
		Expect(err).To(MatchError(ContainSubstring("more than 1000 events")))
	})
})

var _ = Describe("Delivery", func() {
	decode := func(d *payload.Delivery, e cloudevents.Event) error {
		switch e.Type {
		case "bad":
			return errors.New("bad")
		case "unmapped":
			d.Unmap("type", e.ID)
		case "ignored":
			d.Ignore("event %s", e.ID)
		default:
			d.Add(tracker.Change{ID: e.ID})
		}
		return nil
	}
	deliver := func(types ...string) payload.Delivery {
		GinkgoHelper()
		d, err := cloudevents.Delivery(headers(), []byte(`[{"id":"1","type":"`+strings.Join(types, `"},{"id":"2","type":"`)+`"}]`), decode)
		Expect(err).NotTo(HaveOccurred())
		return d
	}

	It("has the identity of a single event as its ID", func() {
		d, err := cloudevents.Delivery(headers("ce-type", "ignored", "ce-source", "/a", "ce-id", "7"), nil, decode)
		Expect(err).NotTo(HaveOccurred())
		Expect(d).To(And(HaveField("ID", "/a 7"), HaveField("Reason", "event 7")))
		d, err = cloudevents.Delivery(headers("ce-type", "ignored", "ce-source", "/a"), nil, decode)
		Expect(err).NotTo(HaveOccurred())
		Expect(d.ID).To(BeEmpty())
		d, err = cloudevents.Delivery(headers("ce-type", "ignored", "ce-source", strings.Repeat("a", 100), "ce-id", "7"), nil, decode)
		Expect(err).NotTo(HaveOccurred())
		Expect(d.ID).To(HavePrefix("sha256:"))
	})

	It("merges the events of a batch", func() {
		Expect(deliver("useful", "useful")).To(And(HaveField("ID", ""), HaveField("Outcome", payload.Useful), HaveField("Changes", HaveLen(2))))
		Expect(deliver("ignored", "useful")).To(And(HaveField("Outcome", payload.Useful), HaveField("Reason", ""), HaveField("Changes", HaveLen(1))))
		Expect(deliver("useful", "ignored")).To(And(HaveField("Outcome", payload.Useful), HaveField("Reason", "")))
		Expect(deliver("useful", "unmapped", "ignored", "useful")).To(And(HaveField("Outcome", payload.Unmapped), HaveField("Reason", `unknown type "2"`), HaveField("Changes", HaveLen(2))))
		Expect(deliver("ignored", "ignored")).To(And(HaveField("Outcome", payload.Ignored), HaveField("Reason", "event 2")))
	})

	It("ignores events of a batch that it cannot decode", func() {
		Expect(deliver("bad", "useful", "bad")).To(And(HaveField("Outcome", payload.Useful), HaveField("Reason", ""), HaveField("Changes", HaveLen(1))))
		Expect(deliver("ignored", "bad")).To(And(HaveField("Outcome", payload.Ignored), HaveField("Reason", "bad")))
	})

	It("returns the error if it cannot decode any event", func() {
		_, err := cloudevents.Delivery(headers(), []byte(`{"type":"bad"}`), decode)
		Expect(err).To(MatchError("bad"))
		_, err = cloudevents.Delivery(headers(), []byte(`[{"type":"bad"},{"type":"bad"}]`), decode)
		Expect(err).To(MatchError("bad"))
		d, err := cloudevents.Delivery(headers(), []byte(`[]`), decode)
		Expect(err).NotTo(HaveOccurred())
		Expect(d).To(And(HaveField("Outcome", payload.Ignored), HaveField("Reason", "the batch is empty")))
	})
})

// FuzzDecode decodes arbitrary requests.
func FuzzDecode(f *testing.F) {
	f.Add("application/cloudevents+json", "", []byte(one))
	f.Add("application/cloudevents-batch+json", "", []byte("["+one+"]"))
	f.Add("", "t%", []byte(`{"data_base64":"e30="}`))
	f.Fuzz(func(t *testing.T, contentType, eventType string, body []byte) {
		events, err := cloudevents.Decode(headers("Content-Type", contentType, "ce-type", eventType), body)
		if err != nil && events != nil || len(events) > 1000 {
			t.Errorf("got %d events and the error %v", len(events), err)
		}
	})
}
