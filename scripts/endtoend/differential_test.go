//go:build e2e

package endtoend

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/encoding/protodelim"
)

// A scenario is a sequence of requests. A Pushgateway and signalbox, both without
// groups at first, receive the same requests. Both must answer each request with the
// same status, and serve the same page at the end, except for the differences that the
// scenario lists.
type scenario struct {
	name  string
	steps []step

	// differs lists the different lines of the pages: those of the Pushgateway with the
	// prefix "- ", and then those of signalbox with "+ ". The test fails if the actual
	// differences are not exactly these.
	differs []string
	why     string // the reason for the differences

	// protobufDiffers lists the differences of the pages in protobuf. nil means the
	// same differences as in text, and an empty list none.
	protobufDiffers []string

	// groupsDiffer lists the differences of the answers of the query API. If the pages
	// differ and this is nil, these answers are not compared.
	groupsDiffer []string

	// poisons, if not empty, says why the Pushgateway can no longer serve its page, or
	// only a part of it. The test then treats its page as empty.
	poisons string
}

// A step is a request.
type step struct {
	method, path string
	header       http.Header
	body         []byte
	status       int    // the status of both answers, or only of the Pushgateway's
	signalbox    int    // the status of signalbox's answer, or 0 if it is the same
	why          string // the reason for a different status
}

type option func(*step)

func put(group, body string, with ...option) step {
	return request(http.MethodPut, "/metrics/job"+group, append([]option{content(body)}, with...)...)
}

func post(group, body string, with ...option) step {
	return request(http.MethodPost, "/metrics/job"+group, append([]option{content(body)}, with...)...)
}

func del(group string, with ...option) step {
	return request(http.MethodDelete, "/metrics/job"+group, append([]option{answered(http.StatusAccepted)}, with...)...)
}

// request returns a step whose answer must be 200, unless an option sets another
// status.
func request(method, path string, with ...option) step {
	s := step{method: method, path: path, header: http.Header{}, status: http.StatusOK}
	for _, o := range with {
		o(&s)
	}
	return s
}

func answered(status int) option { return func(s *step) { s.status = status } }

// but sets a different status of signalbox's answer and the reason for it.
func but(signalbox int, why string) option {
	return func(s *step) { s.signalbox, s.why = signalbox, why }
}

func content(body string) option { return func(s *step) { s.body = []byte(body) } }

func header(name, value string) option { return func(s *step) { s.header.Set(name, value) } }

// families sets the body to families in protobuf.
func families(of ...*dto.MetricFamily) option {
	return func(s *step) {
		var body bytes.Buffer
		for _, f := range of {
			if _, err := protodelim.MarshalTo(&body, f); err != nil {
				panic(err)
			}
		}
		s.body = body.Bytes()
		s.header.Set("Content-Type", protobufFormat)
	}
}

// compressed compresses the body.
func compressed(encoding string) option {
	return func(s *step) {
		var body bytes.Buffer
		switch encoding {
		case "gzip":
			w := gzip.NewWriter(&body)
			w.Write(s.body)
			w.Close()
		case "snappy":
			w := snappy.NewBufferedWriter(&body)
			w.Write(s.body)
			w.Close()
		case "zstd":
			w, _ := zstd.NewWriter(&body)
			w.Write(s.body)
			w.Close()
		}
		s.body = body.Bytes()
		s.header.Set("Content-Encoding", encoding)
	}
}

// cut removes n bytes from the end of the body.
func cut(n int) option { return func(s *step) { s.body = s.body[:len(s.body)-n] } }

func (s step) String() string {
	body := s.body
	if len(body) > 200 {
		body = append(body[:200:200], "…"...)
	}
	return fmt.Sprintf("%s %s %v %q", s.method, s.path, s.header, body)
}

func (s step) send(to gateway) answer {
	GinkgoHelper()
	return to.send(s.method, s.path, s.header, s.body)
}

// run sends the request to both and compares their answers.
func (s step) run(theirs, ours gateway) {
	GinkgoHelper()
	a, b := s.send(theirs), s.send(ours)
	fmt.Fprintf(GinkgoWriter, "%s\n\t%d %q\n\t%d %q\n", s, a.status, a.body, b.status, b.body)

	Expect(a.status).To(Equal(s.status), "%s: the Pushgateway: %s", s, a.body)
	if s.signalbox != 0 {
		Expect(b.status).To(Equal(s.signalbox), "%s: signalbox: %s", s, b.body)
		return
	}
	Expect(b.status).To(Equal(s.status), "%s: signalbox: %s", s, b.body)
	switch {
	case s.status >= 400 && s.method != http.MethodHead && s.method != http.MethodOptions:
		Expect(strings.TrimSpace(a.body)).NotTo(BeEmpty(), "%s: the Pushgateway", s)
		Expect(strings.TrimSpace(b.body)).NotTo(BeEmpty(), "%s: signalbox", s)
	case s.status < 300 && s.method != http.MethodGet:
		Expect(b.body).To(Equal(a.body), "%s", s)
	}
	if a.header.Get("Location") != "" {
		Expect(b.header.Get("Location")).To(Equal(a.header.Get("Location")), "%s", s)
	}
	if s.status == http.StatusMethodNotAllowed && a.header.Get("Allow") != "" {
		Expect(b.header.Get("Allow")).NotTo(BeEmpty(), "%s", s)
	}
}

// compare compares the pages of both, and their answers of the query API.
func compare(theirs, ours gateway, s scenario) {
	GinkgoHelper()
	if s.protobufDiffers == nil {
		s.protobufDiffers = s.differs
	}
	read := func(g gateway, format string) (page, string) {
		a := g.send(http.MethodGet, "/metrics", http.Header{"Accept": {format}}, nil)
		if s.poisons != "" && g == theirs {
			if format == textFormat && a.status == http.StatusOK {
				Expect(a.body).NotTo(HaveSuffix("\n"), "known difference: %s", s.poisons)
			}
			return nil, a.header.Get("Content-Type")
		}
		Expect(a.status).To(Equal(http.StatusOK), "%s: %s", g.name, a.body)
		return readPage(a), a.header.Get("Content-Type")
	}
	// The Pushgateway deletes groups after it has answered.
	Eventually(func(g Gomega) {
		a, typeA := read(theirs, textFormat)
		b, typeB := read(ours, textFormat)
		g.Expect(diff(a, b)).To(Equal(s.differs), "page, known difference: %s", s.why)
		if s.poisons == "" {
			g.Expect(typeB).To(Equal(typeA))
		}
	}, "1s", "5ms").Should(Succeed())

	a, typeA := read(theirs, protobufFormat)
	b, typeB := read(ours, protobufFormat)
	Expect(append([]string{}, diff(a, b)...)).To(Equal(append([]string{}, s.protobufDiffers...)), "page in protobuf, known difference: %s", s.why)
	if s.poisons == "" {
		Expect(typeB).To(Equal(typeA))
	}

	if s.differs == nil && s.poisons == "" || s.groupsDiffer != nil {
		Expect(diff(readGroups(theirs.groups()), readGroups(ours.groups()))).To(Equal(s.groupsDiffer), "query API, known difference: %s", s.why)
	}
}

var _ = Describe("Signalbox compared with a real Pushgateway", Ordered, ContinueOnFailure, func() {
	var (
		theirs, ours gateway
		page         string                // the URL of signalbox's metrics page
		openMetrics  = map[string]string{} // the pages after each scenario, by its name
	)

	BeforeAll(func() {
		theirs = startPushgateway("--web.enable-admin-api")
		s := startSignalbox("--enable-admin-api")
		ours, page = s.gateway(), s.metrics
	})

	for _, s := range scenarios {
		It(s.name, func() {
			theirs.wipe()
			ours.wipe()
			for _, s := range s.steps {
				s.run(theirs, ours)
			}
			compare(theirs, ours, s)

			// The intake listener serves the same page as the metrics listener.
			Expect(ours.page()).To(Equal(readPage(gateway{url: strings.TrimSuffix(page, "/metrics")}.send(
				http.MethodGet, "/metrics", http.Header{"Accept": {textFormat}}, nil))))
			// The format that Prometheus prefers, which the Pushgateway does not serve.
			openMetrics[s.name] = get(page, "application/openmetrics-text;version=1.0.0")
		})
	}

	It("does the same with random requests", func() {
		random := rand.New(rand.NewPCG(uint64(GinkgoRandomSeed()), 0))
		for range 5 {
			theirs.wipe()
			ours.wipe()
			// The groups remain, so that requests conflict with earlier ones.
			for range 60 {
				s := randomStep(random)
				theirStatus, ourStatus := s.send(theirs).status, s.send(ours).status
				fmt.Fprintf(GinkgoWriter, "%s\n\t%d\n\t%d\n", s, theirStatus, ourStatus)
				Expect(ourStatus).To(Equal(theirStatus), "%s", s)
				compare(theirs, ours, scenario{})
			}
		}
	})

	It("serves pages that the strict parser of OpenMetrics accepts", func() {
		input, err := json.Marshal(openMetrics)
		Expect(err).NotTo(HaveOccurred())
		parse := exec.Command("/usr/bin/python3", "-c", `
import json, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
errors = {}
for name, page in json.load(sys.stdin).items():
    try:
        list(parse(page))
    except Exception as e:
        errors[name] = str(e)
json.dump(errors, sys.stdout)`)
		parse.Stdin, parse.Stderr = bytes.NewReader(input), GinkgoWriter
		output, err := parse.Output()
		Expect(err).NotTo(HaveOccurred())
		var rejected map[string]string
		Expect(json.Unmarshal(output, &rejected)).To(Succeed())
		Expect(rejected).To(BeEmpty())
		Expect(openMetrics).To(HaveKeyWithValue("PUT replaces the group", ContainSubstring(`c{instance="",job="j"} 3`)))
	})

	It("has no admin API unless it is enabled", func() {
		theirs, ours := startPushgateway(), startSignalbox().gateway()
		put("/j", "x 1\n").run(theirs, ours)
		request(http.MethodPut, "/api/v1/admin/wipe", answered(http.StatusNotFound)).run(theirs, ours)
		compare(theirs, ours, scenario{})
	})
})
