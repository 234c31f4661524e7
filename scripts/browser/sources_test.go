package browser

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("The section of sources", func() {
	const secret = "a secret of the tests"
	var secretFile string
	BeforeEach(func() {
		secretFile = filepath.Join(GinkgoT().TempDir(), "secret")
		Expect(os.WriteFile(secretFile, []byte(secret+"\n"), 0o600)).To(Succeed())
	})
	const visible = `["#sources", "nav a[href='#sources']"].map((e) => document.querySelector(e).checkVisibility())`

	// deliver sends a delivery as GitHub does, and returns the status of the answer.
	deliver := func(url, event, body, secret string) int {
		GinkgoHelper()
		mac := hmac.New(sha256.New, []byte(secret))
		io.WriteString(mac, body) //nolint:errcheck // never fails
		request, err := http.NewRequest(http.MethodPost, url+"/webhooks/github", strings.NewReader(body))
		Expect(err).NotTo(HaveOccurred())
		request.Header.Set("X-GitHub-Event", event)
		request.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
		response, err := http.DefaultClient.Do(request)
		Expect(err).NotTo(HaveOccurred())
		defer response.Body.Close()
		return response.StatusCode
	}

	It("explains how to send webhooks, and then shows the deliveries of each source", func() {
		d := startDaemon("--catalog=ci", "--webhook-bind-port=0", "--github-secret-file="+secretFile, "--gitlab-secret-file="+secretFile)
		webhooks := d.loggedURL("signalbox.listening-for-webhooks")
		t := open(d.page, wide)
		Expect(eval[[]bool](t, visible)).To(HaveEach(true))
		Expect(t.rows("sources")).To(BeEmpty())
		Expect(eval[[]string](t, `[...document.querySelectorAll("#sources .hint p, #sources .hint code")].map((e) => e.innerText)`)).To(HaveExactElements(
			HavePrefix("No deliveries from GitHub Actions yet."), webhooks+"/webhooks/github",
			HavePrefix("No deliveries from GitLab CI/CD yet."), webhooks+"/webhooks/gitlab"))

		Expect(deliver(webhooks, "ping", `{"zen": "x"}`, secret)).To(Equal(http.StatusAccepted))
		Eventually(func() []string { return t.rows("sources") }).Should(HaveExactElements(
			MatchRegexp(`^GitHub Actions /webhooks/github \| ignored 1 \| (now|\d+ s ago) \| – \| –`),
			MatchRegexp(`^GitLab CI/CD /webhooks/gitlab \|  \| never \| – \| –`)))

		Expect(deliver(webhooks, "workflow_job", `{}`, "another secret")).To(Equal(http.StatusUnauthorized))
		Eventually(func() []string { return t.rows("sources") }).Should(ContainElement(
			MatchRegexp(`\| X-Hub-Signature-256 does not match the configured secret unauthorized, from 127.0.0.1:\d+, (now|\d+ s ago)$`)))
		Expect(eval[string](t, `document.querySelector("#health a.finding[href='#sources']").textContent`)).To(HavePrefix("unauthorized deliveries from GitHub Actions: "))
		By("having the same fields as the overviews of other tests")
		withoutCounts := func(overview object) map[string]bool {
			found := fields(overview["sources"])
			maps.DeleteFunc(found, func(field string, _ bool) bool { return strings.HasPrefix(field, "deliveries.") })
			return found
		}
		Expect(withoutCounts(d.overview())).To(Equal(withoutCounts(fullOverview())))
		Expect(t.text("#sources .subtitle")).To(Equal("2 deliveries"))
		Expect(t.problems()).To(BeEmpty())
	})

	It("makes a time without events a note, because a CI system may be idle", func() {
		o := emptyOverview()
		o["events"].(object)["received"] = 1
		o["events"].(object)["history"] = append(list{1}, make(list, 60)...)
		s := newFakeServer(startDaemon(), o)
		t := open(s.page, wide)
		finding := func() string {
			return eval[string](t, `[...document.querySelectorAll("#health a.finding")].find((a) => a.textContent.startsWith("no events for")).className`)
		}
		Expect(finding()).To(Equal("finding warn"))
		o["sources"] = fullOverview()["sources"]
		s.show(o)
		t.refreshed()
		Expect(finding()).To(Equal("finding note"))
		Expect(t.problems()).To(BeEmpty())
	})

	It("is missing without a source", func() {
		t := open(startDaemon().page, wide)
		Expect(eval[[]bool](t, visible)).To(HaveEach(false))
		Expect(t.problems()).To(BeEmpty())
	})
})
