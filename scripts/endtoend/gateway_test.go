//go:build e2e

package endtoend

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// A gateway accepts pushes: a real Pushgateway, or signalbox.
type gateway struct{ name, url string }

// An answer is a gateway's answer to a request.
type answer struct {
	status int
	header http.Header
	body   string
}

// noAnswer is the status if the gateway closes the connection without an answer.
const noAnswer = 0

// client does not follow redirects.
var client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// send sends a request to a path exactly as it is written, without escaping it.
func (g gateway) send(method, path string, header http.Header, body []byte) answer {
	GinkgoHelper()
	target, err := url.Parse(g.url)
	Expect(err).NotTo(HaveOccurred())
	target.Opaque = path
	if strings.HasPrefix(path, "//") {
		target.Opaque = "//" + target.Host + path // otherwise the path would be taken for the host
	}
	request := &http.Request{Method: method, URL: target, Header: header.Clone()}
	if body != nil {
		request.Body, request.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	response, err := client.Do(request)
	if errors.Is(err, io.EOF) {
		return answer{status: noAnswer}
	}
	Expect(err).NotTo(HaveOccurred())
	defer response.Body.Close()
	all, err := io.ReadAll(response.Body)
	Expect(err).NotTo(HaveOccurred())
	return answer{response.StatusCode, response.Header, string(all)}
}

// push sends a body in the text format to a group, given by its path. The answer must
// be 200.
func (g gateway) push(method, group, body string) {
	GinkgoHelper()
	a := g.send(method, "/metrics/job/"+group, nil, []byte(body))
	Expect(a.status).To(Equal(http.StatusOK), a.body)
}

// delete deletes a group, given by its path.
func (g gateway) delete(group string) {
	GinkgoHelper()
	Expect(g.send(http.MethodDelete, "/metrics/job/"+group, nil, nil).status).To(Equal(http.StatusAccepted))
}

// page returns the page of the gateway, requested in the text format.
func (g gateway) page() page {
	GinkgoHelper()
	a := g.send(http.MethodGet, "/metrics", http.Header{"Accept": {textFormat}}, nil)
	Expect(a.status).To(Equal(http.StatusOK), a.body)
	return readPage(a)
}

// groups returns the groups from the query API.
func (g gateway) groups() []map[string]json.RawMessage {
	GinkgoHelper()
	a := g.send(http.MethodGet, "/api/v1/metrics", nil, nil)
	Expect(a.status).To(Equal(http.StatusOK), a.body)
	Expect(a.header.Get("Content-Type")).To(HavePrefix("application/json"))
	var answer struct {
		Status string
		Data   []map[string]json.RawMessage
	}
	Expect(json.Unmarshal([]byte(a.body), &answer)).To(Succeed(), a.body)
	Expect(answer.Status).To(Equal("success"))
	return answer.Data
}

// wipe deletes all groups. The Pushgateway deletes them after it has answered.
func (g gateway) wipe() {
	GinkgoHelper()
	Expect(g.send(http.MethodPut, "/api/v1/admin/wipe", nil, nil).status).To(Equal(http.StatusAccepted))
	Eventually(g.groups, "5s", "1ms").Should(BeEmpty())
}
