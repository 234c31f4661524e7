package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"code.cloudfoundry.org/lager/v3/lagertest"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// A fullPipe is a pipe from a process that the test does not read.
type fullPipe struct {
	reader, writer *os.File
}

func newFullPipe() *fullPipe {
	GinkgoHelper()
	reader, writer, err := os.Pipe()
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { reader.Close(); writer.Close() })
	return &fullPipe{reader, writer}
}

// fill writes empty lines until the pipe is full.
func (p *fullPipe) fill() {
	GinkgoHelper()
	fd := int(p.writer.Fd())
	Expect(syscall.SetNonblock(fd, true)).To(Succeed())
	for size := 4096; size > 0; {
		if _, err := syscall.Write(fd, []byte(strings.Repeat("\n", size))); err == syscall.EAGAIN {
			size /= 2
		} else {
			Expect(err).NotTo(HaveOccurred())
		}
	}
	Expect(syscall.SetNonblock(fd, false)).To(Succeed())
}

// startWith starts a command, and kills it at the end of the spec.
func startWith(command *exec.Cmd) (exited <-chan error) {
	GinkgoHelper()
	Expect(command.Start()).To(Succeed())
	done := make(chan error, 1)
	go func() { done <- command.Wait(); close(done) }()
	DeferCleanup(func() {
		command.Process.Kill()
		Eventually(done).Should(BeClosed())
	})
	return done
}

func request(method, url, text string) (status int, answer string) {
	GinkgoHelper()
	request, err := http.NewRequest(method, url, strings.NewReader(text))
	Expect(err).NotTo(HaveOccurred())
	response, err := client.Do(request)
	answer = body(response, err)
	return response.StatusCode, answer
}

// A lockedBuffer is a buffer that a process writes to while the test reads it.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(text []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(text)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

var _ = Describe("A pipe that is full", func() {
	It("on standard error delays neither requests nor the shutdown", func() {
		pipe := newFullPipe()
		command := signalbox(nil, daemonArgs("--shutdown-timeout=1s")...)
		command.Stderr = pipe.writer
		exited := startWith(command)

		urls := map[string]string{}
		lines := bufio.NewScanner(pipe.reader)
		for urls["listening-for-pushes"] == "" && lines.Scan() {
			var line struct {
				Message string
				Data    struct{ URL string }
			}
			Expect(json.Unmarshal(lines.Bytes(), &line)).To(Succeed())
			urls[strings.TrimPrefix(line.Message, "signalbox.")] = line.Data.URL
		}
		pipe.fill()

		for range 200 {
			status, _ := request(http.MethodPost, urls["listening-for-events"], `{"name":"unknown"}`+"\n"+startEvent)
			Expect(status).To(Equal(http.StatusOK))
			status, _ = request(http.MethodPut, urls["listening-for-pushes"]+"a", "invalid\n")
			Expect(status).To(Equal(http.StatusBadRequest))
		}
		_, page := request(http.MethodGet, urls["serving-metrics"], "")
		Expect(page).To(ContainSubstring("concourse_builds_started_total 200\n"))
		Expect(page).To(ContainSubstring("\nsignalbox_log_lines_dropped_total 0\n"))

		command.Process.Signal(syscall.SIGTERM)
		Eventually(exited).Should(Receive(BeNil()))
	})

	It("on standard error does not keep a daemon that cannot start from exiting", func() {
		pipe := newFullPipe()
		pipe.fill()
		command := signalbox(nil, daemonArgs("--shutdown-timeout=10ms", "--mapping-file=/does/not/exist")...)
		command.Stderr = pipe.writer
		Eventually(startWith(command)).Should(Receive(MatchError(ContainSubstring("exit status 1"))))
	})

	It("on standard output delays neither requests nor the shutdown", func() {
		pipe := newFullPipe()
		command := signalbox(nil, daemonArgs("--stdin", "--stdin-format=lager", "--stdin-passthrough", "--shutdown-timeout=1s")...)
		command.Stdout = pipe.writer
		stdin, err := command.StdinPipe()
		Expect(err).NotTo(HaveOccurred())
		stderr := &lockedBuffer{}
		command.Stderr = stderr
		exited := startWith(command)
		pipe.fill()
		var sent atomic.Int64
		go func() { // ends when the process exits
			for line := strings.Repeat("x", 99) + "\n"; ; {
				n, err := io.WriteString(stdin, line)
				if sent.Add(int64(n)); err != nil {
					return
				}
			}
		}()

		Eventually(stderr.String).Should(ContainSubstring("listening-for-events"))
		url := regexp.MustCompile(`listening-for-events","data":\{"url":"([^"]+)"`).FindStringSubmatch(stderr.String())[1]
		status, _ := request(http.MethodPost, url, startEvent)
		Expect(status).To(Equal(http.StatusOK))
		Eventually(sent.Load).Should(BeNumerically(">", 80<<10), "the daemon has not read more than fits into the pipe")
		command.Process.Signal(syscall.SIGTERM)
		Eventually(exited).Should(Receive(BeNil()))
		Expect(stderr.String()).To(And(ContainSubstring("output-incomplete"), ContainSubstring("signalbox.stopped")))
	})

	It("on standard output does not keep the demo from stopping", func() {
		pipe := newFullPipe()
		pipe.fill()
		command := signalbox(nil, "demo", "--prometheus-bind-port=0", "--intake-bind-port=0", "--log-level=info", "--shutdown-timeout=1s")
		command.Stdout = pipe.writer
		stderr := &lockedBuffer{}
		command.Stderr = stderr
		exited := startWith(command)
		Eventually(stderr.String).Should(ContainSubstring("listening-for-events"))
		command.Process.Signal(syscall.SIGTERM)
		Eventually(exited).Should(Receive(BeNil()))
	})

	It("does not keep other commands from being interrupted", func() {
		pipe := newFullPipe()
		pipe.fill()
		command := signalbox(nil, "catalog")
		command.Stdout = pipe.writer
		exited := startWith(command)
		command.Process.Signal(syscall.SIGTERM)
		Eventually(exited).Should(Receive(MatchError(ContainSubstring("terminated"))))
	})
})

func TestEventsContinueWhenStandardOutputIsNotRead(t *testing.T) {
	const event = `{"message":"atc.emit.event","data":{"name":"builds started","value":1}}` + "\n"
	synctest.Test(t, func(t *testing.T) {
		logger := lagertest.NewTestLogger("stdin")
		reader, writer := io.Pipe()
		stdoutReader, stdout := io.Pipe()
		sink, status := &counter{}, &inputStatus{}
		in := readInput(logger, reader, inputOptions{lager: true, stdout: stdout}, sink, nil, status)
		begin := time.Now()
		for range 40 {
			io.WriteString(writer, strings.Repeat("x", 100_000)+"\n"+event)
		}
		synctest.Wait()
		if n, waited := sink.events.Load(), time.Since(begin); n != 40 || waited != copyPatience {
			t.Errorf("got %d events after %s, expected 40 after %s", n, waited, copyPatience)
		}
		log := string(logger.Buffer().Contents())
		if strings.Count(log, "passthrough-stalled") != 1 || status.copied.Load().Dropped() == 0 {
			t.Errorf("got %d dropped lines and this log, expected one message about them:\n%s", status.copied.Load().Dropped(), log)
		}
		stdoutReader.Close()
		writer.Close()
		in.Close(t.Context())
		in.copy.own().Close(t.Context())
	})
}

func TestCloseDoesNotWaitForStandardOutput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reader, writer := io.Pipe()
		stdoutReader, stdout := io.Pipe()
		in := readInput(lagertest.NewTestLogger("stdin"), reader, inputOptions{lager: true, stdout: stdout}, &counter{}, nil, &inputStatus{})
		go io.WriteString(writer, strings.Repeat(strings.Repeat("x", 100_000)+"\n", 40))
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin := time.Now()
		in.Close(ctx)
		in.copy.own().Close(ctx)
		if waited := time.Since(begin); waited != time.Second {
			t.Errorf("waited %s, expected 1s", waited)
		}
		stdoutReader.Close()
		writer.Close()
	})
}
