package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"
	"github.com/onsi/gomega/gexec"
)

const deployed = `{"name":"deploy finished","attributes":{"env":"prod"}}`

var _ = Describe("signalbox run --mapping-file", func() {
	It("reads it again on SIGHUP", func() {
		file := filepath.Join(GinkgoT().TempDir(), "ci.yml")
		Expect(os.WriteFile(file, nil, 0o600)).To(Succeed())
		daemon := startDaemon("--mapping-file=" + file)
		_, answer := daemon.post(deployed + "\n" + startEvent)
		Expect(answer).To(MatchJSON(`{"accepted":2,"unknown":1,"refused":0,"duplicate":0}`))

		Expect(os.WriteFile(file, []byte(ownRule), 0o600)).To(Succeed())
		daemon.Signal(syscall.SIGHUP)
		Eventually(daemon.Err).Should(gbytes.Say(`mapping-reloaded.*1 custom`))
		_, answer = daemon.post(deployed)
		Expect(answer).To(MatchJSON(`{"accepted":1,"unknown":0,"refused":0,"duplicate":0}`))

		Expect(os.WriteFile(file, []byte("rulse: []"), 0o600)).To(Succeed())
		daemon.Signal(syscall.SIGHUP)
		Eventually(daemon.Err).Should(gbytes.Say(`mapping-not-reloaded.*did you mean`))
		daemon.post(deployed)
		Expect(daemon.page()).To(And(
			ContainSubstring("\nconcourse_deploys_total{environment=\"prod\"} 2\n"),
			ContainSubstring("\nconcourse_builds_started_total 1\n"),
			ContainSubstring("\nsignalbox_mapping_last_reload_successful 0\n"),
		))
		daemon.Terminate()
		Eventually(daemon).Should(gexec.Exit(0))
	})

	It("is not required for SIGHUP", func() {
		daemon := startDaemon()
		daemon.eventsURL()
		daemon.Signal(syscall.SIGHUP)
		Eventually(daemon.Err).Should(gbytes.Say("nothing-to-reload"))
		Expect(daemon.page()).To(ContainSubstring("\nsignalbox_mapping_last_reload_successful 1\n"))
	})

	It("reads it again on an HTTP request with --enable-reload-api", func() {
		file := filepath.Join(GinkgoT().TempDir(), "ci.yml")
		Expect(os.WriteFile(file, []byte(ownRule), 0o600)).To(Succeed())
		reload := func(daemon *process) (int, string) {
			GinkgoHelper()
			response, err := client.Post(strings.TrimSuffix(daemon.url("serving-metrics"), "metrics")+"-/reload", "", nil)
			answer := body(response, err)
			return response.StatusCode, answer
		}
		status, answer := reload(startDaemon("--mapping-file=" + file))
		Expect(status).To(Equal(http.StatusForbidden))
		Expect(answer).To(ContainSubstring("--enable-reload-api"))

		status, answer = reload(startDaemon("--mapping-file="+file, "--enable-reload-api"))
		Expect(answer).To(MatchRegexp(`^reloaded .*ci\.yml: .*1 custom.* 0 changed, 0 added, 0 removed\n$`))
		Expect(status).To(Equal(http.StatusOK))
	})

	It("does not start if the file is invalid, and prints the errors in one line", func() {
		file := filepath.Join(GinkgoT().TempDir(), "ci.yml")
		Expect(os.WriteFile(file, []byte("a: 1\nb: 2"), 0o600)).To(Succeed())
		daemon := startDaemon("--mapping-file=" + file)
		Eventually(daemon).Should(gexec.Exit(exitFailure))
		Expect(daemon.stderr()).To(MatchRegexp(`^signalbox: .*/ci\.yml:1: a: unknown field.*; .*/ci\.yml:2: b: unknown field.*\n$`))
	})
})
