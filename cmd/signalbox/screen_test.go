package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("A screen", func() {
	var (
		terminal *bytes.Buffer
		s        *screen
	)

	BeforeEach(func() {
		terminal = &bytes.Buffer{}
		s = &screen{terminal: terminal, columns: func() int { return 10 }}
		s.redraw = func() { s.Write(nil) }
	})

	It("writes lines above the status", func() {
		s.Write([]byte("one\n"))
		s.show("half")
		s.Write([]byte("two\n"))
		s.show("")
		s.Write([]byte("three\n"))
		Expect(terminal.String()).To(Equal("one\nhalf\r\x1b[Ktwo\nhalf\r\x1b[Kthree\n"))
	})

	It("does not write the status after an incomplete line", func() {
		s.show("half")
		s.Write([]byte("on"))
		s.show("all")
		s.Write([]byte("e\n"))
		Expect(terminal.String()).To(Equal("half\r\x1b[Kone\nall"))
	})

	It("truncates a status that would wrap", func() {
		s.show("0123456789")
		Expect(terminal.String()).To(Equal("012345678"))
	})
})

var _ = Describe("Progress", func() {
	start := time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)

	It("shows the rate of the last two seconds", func() {
		p := &progress{start: start}
		Expect(p.status(start)).To(Equal("0 events"))
		for tick := range 20 {
			p.accepted.Add(1000)
			status := p.status(start.Add(time.Duration(tick+1) * progressInterval))
			Expect(status).To(Equal(grouped(int64(tick+1)*1000) + " events, 4,000/s"))
		}
		for range rateSamples {
			p.status(start.Add(5 * time.Second))
		}
		Expect(p.status(start.Add(6 * time.Second))).To(Equal("20,000 events, 0/s"))
	})

	It("of a file shows a percentage and the time left, even if the file grows", func() {
		p := &progress{start: start, size: 1000}
		p.bytes.Store(250)
		p.accepted.Store(1234567)
		p.rejected.Store(3)
		Expect(p.status(start.Add(30 * time.Second))).To(Equal("1,234,567 events, 25%, 1m30s left, 3 rejected"))
		p.bytes.Store(2000)
		Expect(p.status(start.Add(40 * time.Second))).To(ContainSubstring(", 100%, 0s left"))
	})

	It("depends on the bytes left, which are known only for a file", func() {
		path := filepath.Join(GinkgoT().TempDir(), "events")
		Expect(os.WriteFile(path, []byte("0123456789"), 0o600)).To(Succeed())
		file, err := os.Open(path)
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(file.Close)
		file.Seek(4, 0)
		Expect(sizeLeft(file)).To(Equal(int64(6)))

		reader, writer, err := os.Pipe()
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(func() { reader.Close(); writer.Close() })
		Expect(sizeLeft(reader)).To(BeZero())
		Expect(sizeLeft(strings.NewReader("0123456789"))).To(BeZero())
	})
})

func TestProgressIsShownFourTimesPerSecondAndCleared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var terminal lockedBuffer
		s := &screen{terminal: &terminal, columns: func() int { return defaultColumns }}
		s.redraw = func() { s.Write(nil) }
		p := showProgress(s, strings.NewReader(""))
		time.Sleep(progressInterval - 1)
		synctest.Wait()
		if terminal.String() != "" {
			t.Errorf("got %q before the end of the first interval, want nothing", terminal.String())
		}
		time.Sleep(2 * progressInterval)
		synctest.Wait()
		p.Close()
		if want := fmt.Sprintf("0 events%s0 events, 0/s%s", eraseLine, eraseLine); terminal.String() != want {
			t.Errorf("got %q, want %q", terminal.String(), want)
		}
	})
}
