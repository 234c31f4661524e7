//go:build e2e

package endtoend

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"go.yaml.in/yaml/v3"
)

// A container has the settings of the Kubernetes manifest that concern memory.
type container struct {
	Env []struct {
		Name  string
		Value string
	}
	Resources struct{ Limits struct{ Memory string } }
}

func manifest() container {
	GinkgoHelper()
	text, err := os.ReadFile("../../deploy/kubernetes/deployment.yaml")
	Expect(err).NotTo(HaveOccurred())
	var deployment struct {
		Spec struct {
			Template struct {
				Spec struct{ Containers []container }
			}
		}
	}
	Expect(yaml.Unmarshal(text, &deployment)).To(Succeed())
	Expect(deployment.Spec.Template.Spec.Containers).To(HaveLen(1))
	return deployment.Spec.Template.Spec.Containers[0]
}

// limitMemory returns the path of a file. Writing a process id to it limits the memory
// of the process to the bytes. It returns the empty string if the test cannot create
// cgroups.
func limitMemory(limit int64) (procs string) {
	for _, v := range []struct{ parent, limit string }{
		{"/sys/fs/cgroup/memory", "memory.limit_in_bytes"}, // version 1
		{"/sys/fs/cgroup", "memory.max"},
	} {
		group := filepath.Join(v.parent, fmt.Sprint("signalbox-e2e-", os.Getpid()))
		if os.Mkdir(group, 0o755) != nil {
			continue
		}
		DeferCleanup(func() { Eventually(func() error { return os.Remove(group) }, "5s").Should(Succeed()) })
		if os.WriteFile(filepath.Join(group, v.limit), []byte(strconv.FormatInt(limit, 10)), 0o644) == nil {
			return filepath.Join(group, "cgroup.procs")
		}
	}
	return ""
}

func gzipped(text []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(text)
	w.Close()
	return b.Bytes()
}

func zstdOf(text []byte) []byte {
	var b bytes.Buffer
	w, _ := zstd.NewWriter(&b, zstd.WithWindowSize(8<<20), zstd.WithSingleSegment(false))
	w.Write(text)
	w.Close()
	return b.Bytes()
}

func snappyOf(text []byte) []byte {
	var b bytes.Buffer
	w := s2.NewWriter(&b, s2.WriterSnappyCompat())
	w.Write(text)
	w.Close()
	return b.Bytes()
}

// numbered returns the text n times, with the number of the copy in place of #.
func numbered(n int, text string) []byte {
	var b bytes.Buffer
	for i := range n {
		b.WriteString(strings.ReplaceAll(text, "#", fmt.Sprintf("%06x", i)))
	}
	return b.Bytes()
}

// A bomb is a request that takes as much memory as possible.
type bomb struct {
	method, path string // # stands for the number of the request
	body         []byte
	header       [2]string
	contentType  string
}

const protobufType = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"

func bombs() map[string]bomb {
	const limit = 2<<20 - 10 // the maximum size of a body in the manifest
	gz := [2]string{"Content-Encoding", "gzip"}
	put := func(body []byte, header [2]string) bomb { return bomb{"PUT", "/metrics/job/#", body, header, ""} }
	message := func(b []byte) []byte { return append(binary.AppendUvarint(nil, uint64(len(b))), b...) }
	emptyGauges := message(append([]byte("\x0a\x01a\x18\x01"), bytes.Repeat([]byte("\x22\x02\x12\x00"), limit/4)...))
	emptyMessages := bytes.Repeat([]byte{0}, limit)
	values := numbered(100, "big{l=\"#\",x=\""+strings.Repeat("y", 16_000)+"\"} 1\n")
	agents := func(metrics string) []byte {
		return gzipped([]byte(`{"labels":{"username":"#"},"metrics":[` + strings.TrimSuffix(metrics, ",") + `]}`))
	}
	labels := ""
	for i := range 60 {
		labels += fmt.Sprintf("/l%d/%s", i, strings.Repeat("v", 900))
	}
	return map[string]bomb{
		"03: one sample, repeated":        put(gzipped(bytes.Repeat([]byte("a 1\n"), limit/4)), gz),
		"03: a fifth of it":               put(gzipped(bytes.Repeat([]byte("a 1\n"), limit/20)), gz),
		"03: not compressed":              put(bytes.Repeat([]byte("a 1\n"), limit/20), [2]string{}),
		"03: series":                      put(gzipped(numbered(60_000, "a{l=\"#\"} 1\n")), gz),
		"03: families":                    put(gzipped(numbered(60_000, "a# 1\n")), gz),
		"03: histograms":                  put(gzipped(numbered(10_000, "# TYPE a# histogram\na#_bucket{le=\"+Inf\"} 1\na#_sum 1\na#_count 1\n")), gz),
		"03: protobuf":                    {"PUT", "/metrics/job/#", gzipped(emptyGauges), gz, protobufType},
		"03: empty messages":              {"PUT", "/metrics/job/#", gzipped(emptyMessages), gz, protobufType},
		"03: small pushes":                put(numbered(200, "a# 1\n"), [2]string{}),
		"03: long grouping labels":        {"PUT", "/metrics/job/#" + labels, gzipped(bytes.Repeat([]byte("a 1\n"), 2000)), gz, ""},
		"04: comments":                    put(gzipped(bytes.Repeat([]byte("#"+strings.Repeat("x", 1000)+"\n"), limit/1002)), gz),
		"04: comments in zstd":            put(zstdOf(bytes.Repeat([]byte("#"+strings.Repeat("x", 1000)+"\n"), limit/1002)), [2]string{"Content-Encoding", "zstd"}),
		"04: comments in snappy":          put(snappyOf(bytes.Repeat([]byte("#"+strings.Repeat("x", 1000)+"\n"), limit/1002)), [2]string{"Content-Encoding", "snappy"}),
		"04: more than the limit":         put(gzipped(make([]byte, 64<<20)), gz),
		"04: more than the limit in zstd": put(zstdOf(make([]byte, 64<<20)), [2]string{"Content-Encoding", "zstd"}),
		"05: a value of a mebibyte":       put(gzipped([]byte("big{x=\""+strings.Repeat("y", 1<<20)+"\"} 1\n")), gz),
		"05: values of 16 KiB":            put(gzipped(values), gz),
		"05: a long name":                 put(gzipped([]byte(strings.Repeat("y", 100_000)+" 1\n")), gz),
		"07: grouping labels":             {"PUT", "/metrics/job/#" + labels, nil, [2]string{}, ""},
		"15: 16 MiB":                      put(gzipped(bytes.Repeat([]byte("a 1\n"), 4<<20)), gz),
		"events with long values":         {"POST", "/api/v1/events", gzipped(numbered(200, `{"name":"worker tasks","value":1,"attributes":{"worker":"#`+strings.Repeat("x", 4000)+`","platform":"linux"}}`+"\n")), gz, ""},
		"events with many workers":        {"POST", "/api/v1/events", gzipped(numbered(20_000, `{"name":"worker tasks","value":1,"attributes":{"worker":"w#","platform":"linux"}}`+"\n")), gz, ""},
		"unknown events":                  {"POST", "/api/v1/events", gzipped(bytes.Repeat([]byte(`{"name":"unknown"}`+"\n"), 200_000)), gz, ""},
		"long lines of events":            {"POST", "/api/v1/events", gzipped(bytes.Repeat([]byte("\""+strings.Repeat("x", 1<<20-10)+"\"\n"), 5)), gz, ""},
		"an event over many lines":        {"POST", "/api/v1/events", gzipped(append([]byte("{"), bytes.Repeat([]byte("\n"), 1<<20-10)...)), gz, ""},
		"agents with many metrics":        {"POST", "/api/v1/agent-metrics", agents(string(numbered(40_000, `{"name":"m#","type":"gauge","value":1},`))), gz, ""},
		"agents with bad metrics":         {"POST", "/api/v1/agent-metrics", agents(string(numbered(40_000, `{"name":"-","type":"gauge","value":1},`))), gz, ""},
		"agents with long values":         {"POST", "/api/v1/agent-metrics", agents(string(numbered(100, `{"name":"m","type":"gauge","value":1,"labels":{"l":"#`+strings.Repeat("x", 16_000)+`"}},`))), gz, ""},
		"agents with white space":         {"POST", "/api/v1/agent-metrics", gzipped(bytes.Repeat([]byte(" "), limit)), gz, ""},
		"the list of all groups":          {"GET", "/api/v1/metrics", nil, [2]string{}, ""},
	}
}

// This test uses time limits, because that is what it is about.
var _ = It("keeps the memory limit of the Kubernetes manifest, and serves Prometheus and jobs, whatever clients send", func() {
	const mebibyte = 1 << 20
	settings := manifest()
	limitText, found := strings.CutSuffix(settings.Resources.Limits.Memory, "Mi")
	Expect(found).To(BeTrue(), settings.Resources.Limits.Memory)
	megabytes, err := strconv.ParseInt(limitText, 10, 64)
	Expect(err).NotTo(HaveOccurred())

	dir := GinkgoT().TempDir()
	for _, e := range settings.Env {
		value := e.Value
		switch e.Name {
		case "SIGNALBOX_PUSH_STORAGE_PATH":
			value = filepath.Join(dir, "pushed.db")
		case "SIGNALBOX_MAPPING_FILE":
			value = filepath.Join(dir, "mapping.yaml")
			Expect(os.WriteFile(value, nil, 0o644)).To(Succeed())
		}
		GinkgoT().Setenv(e.Name, value)
	}
	all := bombs() // compressing them takes a while
	procs := limitMemory(megabytes * mebibyte)
	box := startSignalbox()
	if procs != "" {
		Expect(os.WriteFile(procs, []byte(strconv.Itoa(box.command.Process.Pid)), 0o644)).To(Succeed())
	} else {
		GinkgoWriter.Println("cannot create a cgroup; only the resident size is checked")
	}
	intake := strings.TrimSuffix(box.events, "/api/v1/events")
	const legitimate = "# TYPE tests_total counter\ntests_total{suite=\"unit\"} 312\n"
	send := func(client *http.Client, method, url string, body []byte, header ...string) (int, []byte, error) {
		request, err := http.NewRequest(method, url, bytes.NewReader(body))
		if err != nil {
			return 0, nil, err
		}
		for i := 0; i+1 < len(header); i += 2 {
			if header[i] != "" && header[i+1] != "" {
				request.Header.Set(header[i], header[i+1])
			}
		}
		response, err := client.Do(request)
		if err != nil {
			return 0, nil, err
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		return response.StatusCode, text, err
	}
	status, text, err := send(http.DefaultClient, "PUT", intake+"/metrics/job/legitimate", []byte(legitimate))
	Expect(err).NotTo(HaveOccurred())
	Expect(status).To(Equal(http.StatusOK), string(text))

	shareOfOthers := watchOthers(box.command)
	var running sync.WaitGroup
	done := make(chan struct{})
	// repeatedly calls f until the bombs have been sent, and returns the longest time.
	repeatedly := func(f func()) *atomic.Int64 {
		longest := new(atomic.Int64)
		running.Go(func() {
			defer GinkgoRecover()
			for {
				begin := time.Now()
				f()
				longest.Store(max(longest.Load(), int64(time.Since(begin))))
				select {
				case <-done:
					return
				case <-time.After(100 * time.Millisecond):
				}
			}
		})
		return longest
	}
	direct := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true}, Timeout: 30 * time.Second}
	slowestScrape := repeatedly(func() {
		status, _, err := send(direct, "GET", box.metrics, nil)
		Expect(err).NotTo(HaveOccurred())
		Expect(status).To(Equal(http.StatusOK))
	})
	slowestPush := repeatedly(func() {
		for { // as a client does that heeds Retry-After
			status, text, err := send(direct, "PUT", intake+"/metrics/job/legitimate", []byte(legitimate))
			Expect(err).NotTo(HaveOccurred())
			if status == http.StatusOK {
				return
			}
			Expect(status).To(Equal(http.StatusServiceUnavailable), string(text))
			time.Sleep(100 * time.Millisecond)
		}
	})
	overview := strings.TrimSuffix(box.metrics, "/metrics") + "/api/v1/overview?limit=1000"
	largestOverview := 0
	repeatedly(func() {
		status, text, err := send(direct, "GET", overview, nil)
		Expect(err).NotTo(HaveOccurred())
		if status == http.StatusOK {
			largestOverview = max(largestOverview, len(text))
		}
	})

	// 09: headers that do not end.
	for _, listener := range []string{box.metrics, box.events} {
		target, err := url.Parse(listener)
		Expect(err).NotTo(HaveOccurred())
		for range 60 {
			conn, err := net.Dial("tcp", target.Host)
			Expect(err).NotTo(HaveOccurred())
			DeferCleanup(conn.Close)
			running.Go(func() {
				conn.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X-Header: y\r\n", 80_000)))
			})
		}
	}
	// Bodies that are never sent completely.
	for range 5 {
		conn, err := net.Dial("tcp", strings.TrimPrefix(intake, "http://"))
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(conn.Close)
		running.Go(func() {
			conn.Write([]byte("PUT /metrics/job/slow HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n" + strings.Repeat("#", 1_900_000)))
		})
	}

	ctx, cancel := context.WithTimeout(context.Background(), 40*time.Second)
	defer cancel()
	var mu sync.Mutex
	results := map[string]map[string]int{}
	var sending sync.WaitGroup
	for name, b := range all {
		var number atomic.Int64
		for range 4 {
			sending.Go(func() {
				for range 10 {
					if ctx.Err() != nil {
						return
					}
					path := strings.ReplaceAll(b.path, "#", fmt.Sprint(url.PathEscape(name), number.Add(1)))
					status, _, err := send(direct, b.method, intake+path, b.body, b.header[0], b.header[1], "Content-Type", b.contentType)
					result := fmt.Sprint(status)
					if err != nil {
						result = "error"
					}
					mu.Lock()
					if results[name] == nil {
						results[name] = map[string]int{}
					}
					results[name][result]++
					mu.Unlock()
				}
			})
		}
	}
	sending.Wait()
	others := shareOfOthers()
	close(done)
	for _, name := range slices.Sorted(maps.Keys(results)) {
		GinkgoWriter.Println(name, results[name])
	}
	running.Wait()
	peak := peakMemory(box.command)
	if text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", box.command.Process.Pid)); err == nil {
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, "Rss") {
				GinkgoWriter.Print(line)
			}
		}
	}
	GinkgoWriter.Println("peak MB:", peak>>20, "slowest scrape:", time.Duration(slowestScrape.Load()), "slowest push:", time.Duration(slowestPush.Load()),
		"largest overview:", largestOverview,
		"other processes:", others)
	begin := time.Now()
	_, page, err := send(direct, "GET", box.metrics, nil)
	Expect(err).NotTo(HaveOccurred())
	quiet := time.Since(begin) // the page is large now
	GinkgoWriter.Println("scrape of", len(page)>>20, "MB without other requests:", quiet)
	for line := range strings.Lines(string(page)) {
		if strings.HasPrefix(line, "signalbox_memory") || strings.HasPrefix(line, "process_resident") || strings.HasPrefix(line, "go_memstats_heap_alloc") || strings.HasPrefix(line, "go_memstats_sys") {
			GinkgoWriter.Print(line)
		}
	}

	Expect(box.exited).NotTo(BeClosed())
	Expect(peak).To(BeNumerically("<", megabytes*mebibyte))
	// On one core that the test shares with Signalbox, these take about half of the
	// time. The limits are for a machine that does no other work at the same time.
	limit := func(quiet time.Duration) time.Duration {
		return time.Duration(float64(quiet) / max(0.05, 1-others))
	}
	Expect(time.Duration(slowestScrape.Load())).To(BeNumerically("<", limit(2*time.Second)+quiet))
	Expect(time.Duration(slowestPush.Load())).To(BeNumerically("<", limit(10*time.Second)))
	Expect(largestOverview).To(BeNumerically("<", 8*mebibyte))
})

// peakMemory returns the maximum resident size of the process so far, in bytes.
func peakMemory(command *exec.Cmd) int64 {
	GinkgoHelper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", command.Process.Pid))
	Expect(err).NotTo(HaveOccurred())
	var kilobytes int64
	for line := range strings.Lines(string(text)) {
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kilobytes); n == 1 {
			return kilobytes << 10
		}
	}
	Fail("no VmHWM in " + string(text))
	return 0
}

// watchOthers returns a function that returns the share of the time of all processors
// since then that processes other than the test and the command took, from 0 to 1.
func watchOthers(command *exec.Cmd) func() float64 {
	GinkgoHelper()
	measure := func() (others, total float64) {
		GinkgoHelper()
		// In hundredths of a second: user, nice, system, idle, iowait, irq, softirq and
		// steal.
		for i, n := range ticks("/proc/stat", 1, 8) {
			total += n
			if i != 3 && i != 4 {
				others += n
			}
		}
		for _, pid := range []int{os.Getpid(), command.Process.Pid} {
			for _, n := range ticks(fmt.Sprintf("/proc/%d/stat", pid), 13, 2) { // utime and stime
				others -= n
			}
		}
		return others, total
	}
	others, total := measure()
	return func() float64 {
		GinkgoHelper()
		o, t := measure()
		return (o - others) / (t - total)
	}
}

// ticks returns n numbers of a file, from the field with the given index on.
func ticks(path string, index, n int) (numbers []float64) {
	GinkgoHelper()
	text, err := os.ReadFile(path)
	Expect(err).NotTo(HaveOccurred())
	for _, field := range strings.Fields(string(text))[index:][:n] {
		number, err := strconv.ParseFloat(field, 64)
		Expect(err).NotTo(HaveOccurred())
		numbers = append(numbers, number)
	}
	return numbers
}
