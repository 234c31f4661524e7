package pushgateway_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/pushgateway"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/sourcetest"
	"github.com/signalbox-ci/signalbox/internal/membudget"
)

var _ = Describe("The memory for pushes", func() {
	var (
		f       *fixture
		budgets *membudget.Budgets
	)

	BeforeEach(func() {
		f = newFixture()
		budgets = membudget.Divide(10 << 20) // 1 MiB for buffers, 3 MiB for parsing
		f.options.Buffer, f.options.Parse = budgets.Buffer, budgets.Parse
		f.handler = pushgateway.NewHandler(f.options)
	})
	AfterEach(func() {
		Expect(budgets.Buffer.Used()).To(BeZero())
		Expect(budgets.Parse.Used()).To(BeZero())
	})

	rejected := func(w *httptest.ResponseRecorder, status int, reason string) {
		GinkgoHelper()
		Expect(w.Code).To(Equal(status))
		Expect(w.Body.String()).To(ContainSubstring(reason))
		Expect(w.Header().Get("Retry-After") != "").To(Equal(status == http.StatusServiceUnavailable))
		Expect(f.store.pushes).To(BeEmpty())
	}

	It("is in use until a push was applied", func() {
		f.store.pushing = func() {
			Expect(budgets.Buffer.Used()).To(BeNumerically(">", 4000))
			Expect(budgets.Parse.Used()).To(BeNumerically(">", 1_000_000))
		}
		Expect(f.put("/j", strings.Repeat("x 1\n", 1000)).Code).To(Equal(http.StatusOK))
	})

	It("rejects a body that takes too much of it, before parsing", func() {
		rejected(f.put("/j", sourcetest.Gzip(strings.Repeat("?", 4<<20)), "Content-Encoding", "gzip"), http.StatusRequestEntityTooLarge, "--memory-limit")
		rejected(f.put("/j", strings.Repeat("?\n", 3000)), http.StatusRequestEntityTooLarge, "--memory-limit")
		rejected(f.put("/j"+strings.Repeat("/l/"+strings.Repeat("x", 1000), 1), strings.Repeat("?\n", 1000)), http.StatusRequestEntityTooLarge, "--memory-limit")
	})

	It("rejects a body with 503 if other bodies take up the buffers", func() {
		budgets.Buffer.Add(1 << 20)
		rejected(f.put("/j", "x 1\n"), http.StatusServiceUnavailable, "try again later")
		budgets.Buffer.Release(1 << 20)
	})

	It("rejects a body with 503 if parsing others takes up the rest", func() {
		done, err := budgets.Parse.Acquire(context.Background(), budgets.Parse.Max())
		Expect(err).NotTo(HaveOccurred())
		gone, cancel := context.WithCancel(context.Background())
		cancel() // the client does not wait
		w := httptest.NewRecorder()
		f.handler.ServeHTTP(w, httptest.NewRequestWithContext(gone, http.MethodPut, "/metrics/job/j", strings.NewReader(strings.Repeat("?\n", 1000))))
		rejected(w, http.StatusServiceUnavailable, "the client did not wait")

		Expect(f.put("/small", "x 1\n").Code).To(Equal(http.StatusOK), "a small push does not wait for large ones")
		done()
	})
})
