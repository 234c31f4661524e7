//go:build e2e

package endtoend

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"
)

// A pusher pushes increasing numbers, one per request, until the daemon is killed.
type pusher struct {
	id       int
	acked    map[string]int // by series, the last number that was answered 200
	tried    map[string]int // by series, the last number that was sent
	shared   *register
	rejected string // the answer to a push if it was not 200
}

// A register is a series to which several pushers write numbers.
type register struct {
	mu     sync.Mutex // protects the following field
	writes []*write   // writes[i] is the write of the number i+1
}

// A write is the push of a number to a register.
type write struct {
	start, end time.Time // the write took effect between them, or never
	acked      bool
}

func (r *register) begin() (number int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.writes = append(r.writes, &write{start: time.Now()})
	return len(r.writes)
}

func (r *register) acknowledged(number int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.writes[number-1]
	w.end, w.acked = time.Now(), true
}

// endWrites ends the writes that were interrupted when the daemon was killed.
func (r *register) endWrites() {
	for _, w := range r.writes {
		if w.end.IsZero() {
			w.end = time.Now()
		}
	}
}

// lost returns the acknowledged numbers that cannot precede the number that the
// register holds, because their writes began after the write of that number had ended.
func (r *register) lost(held int) (lost []int) {
	for i, w := range r.writes {
		if w.acked && (held == 0 || w.start.After(r.writes[held-1].end)) {
			lost = append(lost, i+1)
		}
	}
	return lost
}

// push sends a push, and reports whether the answer was 200.
func (p *pusher) push(client *http.Client, method, url, body string) bool {
	request, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	response, err := client.Do(request)
	if err != nil {
		return false // the daemon was killed
	}
	defer response.Body.Close()
	answer, _ := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusOK {
		p.rejected = response.Status + " " + string(answer)
		return false
	}
	return true
}

// run pushes in turn to its own groups, to its own metric in a group that all pushers
// share, and to the register. It calls began when it first pushes to the register, or
// when it ends.
func (p *pusher) run(g gateway, round int, began func()) {
	defer began()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	url := g.url + "/metrics/job/"
	for n := 1; ; n++ {
		var group, name string
		method := http.MethodPut
		switch n % 4 {
		case 0:
			began()
			number := p.shared.begin()
			if !p.push(client, http.MethodPut, url+"register", fmt.Sprintf("register %d\n", number)) {
				return
			}
			p.shared.acknowledged(number)
			continue
		case 1:
			method, group, name = http.MethodPost, "shared", fmt.Sprintf("worker_%d", p.id)
		default:
			group, name = fmt.Sprintf("own/worker/%d/round/%d/n/%d", p.id, round, n%20), "own"
		}
		series := group + " " + name
		number := p.tried[series] + 1
		p.tried[series] = number
		if !p.push(client, method, url+group, fmt.Sprintf("# TYPE %s counter\n%[1]s %d\n", name, number)) {
			return
		}
		p.acked[series] = number
	}
}

// seriesOf returns the name and labels, as on the page, of a series of a pusher.
func seriesOf(series string) string {
	group, name, _ := strings.Cut(series, " ")
	var worker, round, n int
	if _, err := fmt.Sscanf(group, "own/worker/%d/round/%d/n/%d", &worker, &round, &n); err == nil {
		return fmt.Sprintf(`%s{instance="",job="own",n="%d",round="%d",worker="%d"}`, name, n, round, worker)
	}
	return fmt.Sprintf(`%s{instance="",job=%q}`, name, group)
}

// numbers returns the integer values on a page by series.
func numbers(p page) map[string]int {
	GinkgoHelper()
	all := map[string]int{}
	for _, line := range p {
		i := strings.LastIndexByte(line, ' ')
		if n, err := strconv.Atoi(line[i+1:]); err == nil && !strings.HasPrefix(line, "#") {
			all[line[:i]] = n
		}
	}
	return all
}

// times returns the lines of a page with the times of pushes.
func times(g gateway) (lines []string) {
	for line := range strings.Lines(get(g.url+"/metrics", textFormat)) {
		if strings.HasPrefix(line, "push_time_seconds") || strings.HasPrefix(line, "push_failure_time_seconds") {
			lines = append(lines, line)
		}
	}
	return lines
}

var _ = Describe("A push that was answered 200", func() {
	var storage, file string

	BeforeEach(func() {
		storage = GinkgoT().TempDir()
		file = "--push-storage-path=" + filepath.Join(storage, "pushes.db")
	})

	It("survives SIGKILL during pushes of eight clients, ten times", func() {
		pushers := make([]*pusher, 8)
		shared := &register{}
		for id := range pushers {
			pushers[id] = &pusher{id: id, acked: map[string]int{}, tried: map[string]int{}, shared: shared}
		}

		box := startSignalbox(file)
		for round := range 10 {
			var running, began sync.WaitGroup
			for _, p := range pushers {
				began.Add(1)
				running.Go(func() { p.run(box.gateway(), round, sync.OnceFunc(began.Done)) })
			}
			began.Wait()
			time.Sleep(rand.N(300 * time.Millisecond)) // kill it at a random time
			box.kill()
			running.Wait()
			shared.endWrites()

			box = startSignalbox(file)
			got, acked := numbers(box.gateway().page()), 0
			for _, p := range pushers {
				Expect(p.rejected).To(BeEmpty())
				for series, number := range p.acked {
					// The push that was interrupted may have been stored.
					Expect(got[seriesOf(series)]).To(BeElementOf(number, p.tried[series]), "round %d: %s", round, series)
					acked += number
				}
			}
			Expect(shared.lost(got[`register{instance="",job="register"}`])).To(BeEmpty(), "round %d", round)
			Expect(len(shared.writes)).To(BeNumerically(">=", len(pushers)))
			fmt.Fprintf(GinkgoWriter, "round %d: so far %d pushes to series of one pusher, %d to the shared one\n", round, acked, len(shared.writes))
		}
	})

	It("survives a restart with its times", func() {
		box := startSignalbox(file)
		g := box.gateway()
		g.push(http.MethodPut, "a", "x 1\n")
		g.push(http.MethodPut, "b/l@base64/w7YvLw", "# HELP y Why.\n# TYPE y histogram\ny_bucket{le=\"1\"} 1\ny_sum NaN\ny_count 3\n")
		Expect(g.send(http.MethodPut, "/metrics/job/a", nil, []byte("x 1 1\n")).status).To(Equal(http.StatusBadRequest))
		Expect(g.send(http.MethodPut, "/metrics/job/c", nil, []byte("x 1 1\n")).status).To(Equal(http.StatusBadRequest))
		g.push(http.MethodPut, "d", "x 1\n")
		page, when := g.page(), times(g)
		box.kill()

		box = startSignalbox(file)
		for _, line := range diff(page, box.gateway().page()) {
			// Times of failed pushes may be lost: Signalbox does not confirm to a
			// client that they are on disk.
			Expect(line).To(HavePrefix("- push_"))
		}
		Expect(times(box.gateway())).To(ContainElements(lines(when, "push_time_seconds", "a", "b", "d")))

		// SIGTERM loses nothing.
		page, when = box.gateway().page(), times(box.gateway())
		box.stop()
		box = startSignalbox(file)
		Expect(box.gateway().page()).To(Equal(page))
		Expect(times(box.gateway())).To(Equal(when))
	})

	It("keeps its remaining TTL over a restart", func() {
		box := startSignalbox(file)
		pushed := time.Now()
		box.gateway().push(http.MethodPut, "short?ttl=3s", "x 1\n")
		box.gateway().push(http.MethodPut, "long?ttl=1h", "x 1\n")
		short := func() bool { return box.gateway().page().series(`x{instance="",job="short"}`) == "1" }
		Consistently(short, "1500ms", "100ms").Should(BeTrue())
		box.kill()

		box = startSignalbox(file)
		Expect(short()).To(BeTrue())
		Eventually(short, time.Until(pushed.Add(4*time.Second)), "20ms").Should(BeFalse())
		Expect(time.Since(pushed)).To(BeNumerically(">=", 3*time.Second))
		Expect(box.gateway().page().series(`x{instance="",job="long"}`)).To(Equal("1"))
	})

	It("is not restored if it expired while the daemon was down", func() {
		box := startSignalbox(file)
		pushed := time.Now()
		box.gateway().push(http.MethodPut, "short?ttl=1s", "x 1\n")
		box.gateway().push(http.MethodPut, "long", "x 1\n")
		box.kill()
		Eventually(func() time.Duration { return time.Since(pushed) }, "3s").Should(BeNumerically(">", time.Second))

		box = startSignalbox(file)
		Expect(box.gateway().page()).NotTo(ContainElement(ContainSubstring("short")))
		Expect(box.gateway().page().series(`x{instance="",job="long"}`)).To(Equal("1"))
	})

	It("is not restored if it was deleted", func() {
		box := startSignalbox(file)
		box.gateway().push(http.MethodPut, "a", "x 1\n")
		box.gateway().delete("a")
		box.gateway().push(http.MethodPut, "b", "x 1\n")
		box.kill()

		box = startSignalbox(file)
		Expect(box.gateway().page()).NotTo(ContainElement(ContainSubstring(`job="a"`)))
	})
})

// lines returns the lines of a metric that belong to one of the jobs.
func lines(all []string, name string, jobs ...string) (found []string) {
	for _, line := range all {
		for _, job := range jobs {
			if strings.HasPrefix(line, name+"{") && strings.Contains(line, fmt.Sprintf("job=%q", job)) {
				found = append(found, line)
			}
		}
	}
	return found
}

var _ = DescribeTable("A damaged storage file", func(damage func([]byte) []byte) {
	dir := GinkgoT().TempDir()
	path := filepath.Join(dir, "pushes.db")

	box := startSignalbox("--push-storage-path=" + path)
	for n := range 100 {
		box.gateway().push(http.MethodPut, fmt.Sprintf("j/run/%d", n), many(20))
	}
	box.stop()
	good, err := os.ReadFile(path)
	Expect(err).NotTo(HaveOccurred())
	bad := damage(bytes.Clone(good))
	Expect(os.WriteFile(path, bad, 0o600)).To(Succeed())

	// The daemon starts, logs the damage, and accepts pushes.
	box = startSignalbox("--push-storage-path=" + path)
	Eventually(box.log).Should(gbytes.Say(`(?i)"level":"error".*pushes\.db|pushes\.db.*"level":"error"`))
	box.gateway().push(http.MethodPut, "after", "x 2\n")
	Expect(box.gateway().page().series(`x{instance="",job="after"}`)).To(Equal("2"))

	// The old file is still there.
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	Expect(err).NotTo(HaveOccurred())
	var aside []string
	for _, name := range files {
		if content, err := os.ReadFile(name); name != path && err == nil && bytes.Equal(content, bad) {
			aside = append(aside, name)
		}
	}
	Expect(aside).To(HaveLen(1), "%v", files)

	// The new file is intact.
	box.kill()
	box = startSignalbox("--push-storage-path=" + path)
	Expect(box.gateway().page().series(`x{instance="",job="after"}`)).To(Equal("2"))
},
	Entry("overwritten with other content", func(good []byte) []byte {
		return bytes.Repeat([]byte("Not a storage file here.\n"), len(good)/25)
	}),
	Entry("replaced with short content", func([]byte) []byte { return []byte("nonsense") }),
	Entry("truncated to half its size", func(good []byte) []byte { return good[:len(good)/2] }),
	Entry("damaged except for its first pages", func(good []byte) []byte {
		for i := 4 * 4096; i < len(good); i++ {
			good[i] ^= 0x55
		}
		return good
	}),
)

var _ = It("writes no files without --push-storage-path", func() {
	dir := GinkgoT().TempDir()
	GinkgoT().Chdir(dir)
	box := startSignalbox()
	box.gateway().push(http.MethodPut, "a", "x 1\n")
	box.stop()
	files, err := os.ReadDir(dir)
	Expect(err).NotTo(HaveOccurred())
	Expect(files).To(BeEmpty())
})
