package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// completeInBash sources the script, sets what bash sets when Tab is pressed behind
// the words, and prints what is offered, one a line.
const completeInBash = `
source <("$SIGNALBOX" completion bash) || exit
compopt() { :; } # there is no command line
COMP_WORDS=("$SIGNALBOX" "$@")
COMP_CWORD=$#
$(complete -p signalbox | sed 's/.*-F \([^ ]*\) .*/\1/')
printf '%s\n' "${COMPREPLY[@]}"
`

var _ = Describe("signalbox completion", func() {
	// bash completes the last of the words, where = is a word of its own.
	bash := func(words ...string) []string {
		GinkgoHelper()

		dir := GinkgoT().TempDir()
		for _, name := range []string{"web.yml", "web two.yml", "other"} {
			Expect(os.WriteFile(filepath.Join(dir, name), nil, 0o600)).To(Succeed())
		}
		completed := signalbox(nil)
		command := exec.Command("bash", append([]string{"-c", completeInBash, "bash"}, words...)...)
		command.Dir = dir
		command.Env = append(completed.Env, "SIGNALBOX="+completed.Path)
		command.Stderr = GinkgoWriter
		offered, err := command.Output()
		Expect(err).NotTo(HaveOccurred())
		return strings.Split(strings.TrimSuffix(string(offered), "\n"), "\n")
	}

	DescribeTable("completes, in bash",
		func(typed string, want ...string) {
			Expect(bash(strings.Split(typed, " ")...)).To(ConsistOf(want))
		},
		Entry("commands", "", "run", "demo", "catalog", "check", "completion", "version", "--help"),
		Entry("the start of a command", "co", "completion"),
		Entry("files to check", "check we", "web.yml", "web two.yml"),
		Entry("flags", "run --stdin", "--stdin", "--stdin-format", "--stdin-passthrough"),
		Entry("flags without a dash to begin with", "catalog ", "--format", "--prometheus-naming", "--help"),
		Entry("flags of emitters", "run --log-level = info --prometheus-bind-", "--prometheus-bind-ip", "--prometheus-bind-port"),
		Entry("choices behind =", "run --log-level =", "debug", "info", "error"),
		Entry("the start of a choice behind =", "run --stdin --log-level = e", "error"),
		Entry("the start of a choice behind a space", "catalog --format y", "yaml"),
		Entry("no flags where a value must be", "run --host ", ""),
		Entry("flags behind a switch", "run --stdin --exit", "--exit-on-eof"),
		Entry("files", "run --prometheus-web-config-file we", "web.yml", "web two.yml"),
		Entry("files behind =", "run --push-storage-path = o", "other"),
		Entry("shells", "completion ", "bash", "zsh", "fish"),
		Entry("nothing that there is not", "run --no-such", ""),
	)

	It("describes what it offers to shells that show it, in one word with the flag", func() {
		variables := []string{"GO_FLAGS_COMPLETION=verbose"}
		command := signalbox(variables, "run", "--stdin-format=l")
		Expect(command.Output()).To(BeEquivalentTo("--stdin-format=lager\n"))

		command = signalbox(variables, "ver")
		Expect(command.Output()).To(BeEquivalentTo("version\tPrint the version\n"))
	})

	DescribeTable("prints a script that the shell takes",
		func(shell string, check ...string) {
			script, err := signalbox(nil, "completion", shell).Output()
			Expect(err).NotTo(HaveOccurred())
			Expect(string(script)).To(ContainSubstring("signalbox completion " + shell))
			if _, err := exec.LookPath(shell); err != nil {
				return // this machine does not have it
			}
			command := exec.Command(shell, check...)
			command.Stdin = strings.NewReader(string(script))
			output, err := command.CombinedOutput()
			Expect(err).NotTo(HaveOccurred(), string(output))
		},
		Entry("bash", "bash", "-n"),
		Entry("zsh", "zsh", "-n"),
		Entry("fish", "fish", "--no-execute"),
	)
})
