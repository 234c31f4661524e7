package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/jessevdk/go-flags"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/emitter"
	"github.com/signalbox-ci/signalbox/metric"
)

var _ = Describe("signalbox", func() {
	var (
		config         *emitter.PrometheusConfig
		monitor        *metric.Monitor
		stdout, stderr *bytes.Buffer
	)

	BeforeEach(func() {
		config = &emitter.PrometheusConfig{}
		monitor = metric.NewMonitor()
		monitor.RegisterEmitter(config)
		stdout, stderr = &bytes.Buffer{}, &bytes.Buffer{}
	})

	signalbox := func(args ...string) int {
		return run(monitor, args, world{stdin: strings.NewReader(""), stdout: stdout, stderr: stderr})
	}

	Describe("help", func() {
		It("goes to stdout with --help", func() {
			Expect(signalbox("--help")).To(Equal(exitClean))
			Expect(stdout.String()).To(HavePrefix("Usage: signalbox <command> [flags]\n"))
			Expect(stdout.String()).To(MatchRegexp(`(?m)^  run +Receive events`))
			Expect(stderr.String()).To(BeEmpty())
		})

		It("goes to stderr without a command", func() {
			Expect(signalbox()).To(Equal(exitBadUsage))
			Expect(stderr.String()).To(HavePrefix("Usage: signalbox <command> [flags]\n"))
			Expect(stdout.String()).To(BeEmpty())
		})

		It("shows a command with signalbox help", func() {
			Expect(signalbox("run", "--help")).To(Equal(exitClean))
			want := stdout.String()
			stdout.Reset()
			Expect(signalbox("help", "run")).To(Equal(exitClean))
			Expect(stdout.String()).To(Equal(want))
		})

		It("shows every flag of run with its default", func() {
			Expect(signalbox("run", "-h")).To(Equal(exitClean))
			help := strings.Join(strings.Fields(stdout.String()), " ")
			Expect(help).To(ContainSubstring("--intake-bind-ip=IP IP address or host name to receive events and pushes on. (default: 127.0.0.1)"))
			Expect(help).To(ContainSubstring("(default: 19391)"))
			Expect(help).To(MatchRegexp(`--prometheus-bind-ip=IP [^()]*\(default: 127\.0\.0\.1\)`))
			Expect(help).To(MatchRegexp(`--prometheus-bind-port=PORT [^()]*\(default: 9391\)`))
			Expect(help).To(ContainSubstring("--attribute=KEY=VALUE ... "))
			Expect(help).To(ContainSubstring("--log-level=debug|info|error "))
			Expect(help).To(ContainSubstring("--stdin Read"))
			Expect(help).To(ContainSubstring("--host with SIGNALBOX_HOST"))
			Expect(help).NotTo(ContainSubstring("--help"))
		})

		DescribeTable("fits 80 columns",
			func(args ...string) {
				signalbox(args...)
				for line := range strings.Lines(stdout.String()) {
					Expect(utf8.RuneCountInString(strings.TrimSuffix(line, "\n"))).To(BeNumerically("<=", 80), line)
				}
			},
			Entry("of signalbox", "--help"),
			Entry("of run", "run", "--help"),
			Entry("of demo", "demo", "--help"),
			Entry("of catalog", "catalog", "--help"),
			Entry("of completion", "completion", "--help"),
			Entry("of check", "check", "--help"),
			Entry("of version", "version", "--help"),
			Entry("as a command", "help"),
		)
	})

	Describe("run", func() {
		It("listens on 127.0.0.1 by default", func() {
			line, err := newCommandLine(monitor)
			Expect(err).NotTo(HaveOccurred())
			command, err := line.parse([]string{"run"})
			Expect(err).NotTo(HaveOccurred())

			Expect(command.(*runCommand).Intake.BindIP).To(Equal(bindHost("127.0.0.1")))
			Expect(command.(*runCommand).Intake.BindPort).To(Equal(port(19391)))
			Expect(config.BindIP).To(Equal("127.0.0.1"))
			Expect(config.BindPort).To(Equal("9391"))
			Expect(config.IsConfigured()).To(BeTrue())
		})

		It("has an environment variable for every flag, including those of emitters", func() {
			line, err := newCommandLine(monitor)
			Expect(err).NotTo(HaveOccurred())

			keys := map[string]string{}
			_, err = line.parse([]string{"run"})
			Expect(err).NotTo(HaveOccurred())
			eachOption(line.parser.Find("run").Group, func(option *flags.Option) {
				keys[option.LongNameWithNamespace()] = option.EnvDefaultKey
			})
			delete(keys, "help")
			Expect(keys).To(HaveKeyWithValue("intake-max-label-value-bytes", "SIGNALBOX_INTAKE_MAX_LABEL_VALUE_BYTES"))
			Expect(keys).To(HaveKeyWithValue("prometheus-web-config-file", "SIGNALBOX_PROMETHEUS_WEB_CONFIG_FILE"))
			Expect(keys).NotTo(ContainElement(""))
		})
	})

	// withMapping replaces FILE in the arguments with the path of a mapping file.
	withMapping := func(args []string) []string {
		GinkgoHelper()
		mapping := filepath.Join(GinkgoT().TempDir(), "ci.yml")
		Expect(os.WriteFile(mapping, []byte("builtin: true\n"), 0o600)).To(Succeed())
		args = slices.Clone(args)
		for i, arg := range args {
			args[i] = strings.ReplaceAll(arg, "FILE", mapping)
		}
		return args
	}

	DescribeTable("fails if standard output cannot be written",
		func(args ...string) {
			Expect(run(monitor, withMapping(args), world{stdout: fullDisk{}, stderr: stderr})).To(Equal(exitFailure))
			Expect(stderr.String()).To(Equal("signalbox: no space left on device\n"))
		},
		Entry("help", "--help"),
		Entry("a command's help", "help", "run"),
		Entry("the result of a check", "check", "FILE"),
		Entry("the catalog", "catalog"),
		Entry("the version", "version"),
		Entry("a completion script", "completion", "bash"),
	)

	DescribeTable("succeeds if the reader closes standard output",
		func(args ...string) {
			Expect(run(monitor, withMapping(args), world{stdout: brokenPipe{}, stderr: stderr})).To(Equal(exitClean))
			Expect(stderr.String()).To(BeEmpty())
		},
		Entry("during help", "help"),
		Entry("during the help of a command", "run", "--help"),
		Entry("during a check", "check", "FILE"),
		Entry("during the catalog", "catalog"),
		Entry("during the catalog in Markdown", "catalog", "--format=markdown"),
		Entry("during the catalog in JSON", "catalog", "--format=json"),
		Entry("during the catalog in YAML", "catalog", "--format=yaml"),
	)

	DescribeTable("prints its version",
		func(arg string) {
			Expect(signalbox(arg)).To(Equal(exitClean))
			Expect(stdout.String()).To(MatchRegexp(`^signalbox \S+\nrevision  \S+.*\ngo        go1\.\S+\n$`))
		},
		Entry("as a command", "version"),
		Entry("as a flag", "--version"),
	)
})

// A brokenPipe is a pipe whose reader has closed it.
type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, syscall.EPIPE }

// A fullDisk is a file on a device without free space.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, syscall.ENOSPC }
