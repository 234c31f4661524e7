package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// completeInBash sources the completion script, sets the variables that bash sets when
// Tab is pressed after the words, and prints the completions, one per line.
const completeInBash = `
source <("$SIGNALBOX" completion bash) || exit
compopt() { :; } # it fails outside a completion
COMP_WORDS=("$SIGNALBOX" "$@")
COMP_CWORD=$#
$(complete -p signalbox | sed 's/.*-F \([^ ]*\) .*/\1/')
printf '%s\n' "${COMPREPLY[@]}"
`

var _ = Describe("signalbox completion", func() {
	// bash returns the completions of the last word. Each = is a separate word.
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
		Entry("commands", "", "run", "demo", "catalog", "check", "completion", "decode", "version", "--help"),
		Entry("the beginning of a command", "co", "completion"),
		Entry("files to check", "check we", "web.yml", "web two.yml"),
		Entry("flags", "run --stdin", "--stdin", "--stdin-format", "--stdin-passthrough"),
		Entry("flags without a leading dash", "catalog ", "--catalog", "--format", "--prometheus-naming", "--help"),
		Entry("flags of emitters", "run --log-level = info --prometheus-bind-", "--prometheus-bind-ip", "--prometheus-bind-port"),
		Entry("choices after =", "run --log-level =", "debug", "info", "error"),
		Entry("the beginning of a choice after =", "run --stdin --log-level = e", "error"),
		Entry("the beginning of a choice after a space", "catalog --format y", "yaml"),
		Entry("no flags in place of a value", "run --host ", ""),
		Entry("flags after a switch", "run --stdin --exit", "--exit-on-eof"),
		Entry("files", "run --prometheus-web-config-file we", "web.yml", "web two.yml"),
		Entry("files after =", "run --push-storage-path = o", "other"),
		Entry("shells", "completion ", "bash", "zsh", "fish"),
		Entry("no unknown flags", "run --no-such", ""),
	)

	It("adds descriptions for shells that show them, and the flag to its values", func() {
		variables := []string{"GO_FLAGS_COMPLETION=verbose"}
		command := signalbox(variables, "run", "--stdin-format=l")
		Expect(command.Output()).To(BeEquivalentTo("--stdin-format=lager\n"))

		command = signalbox(variables, "ver")
		Expect(command.Output()).To(BeEquivalentTo("version\tPrint the version\n"))
	})

	DescribeTable("prints a script with valid syntax",
		func(shell string, check ...string) {
			script, err := signalbox(nil, "completion", shell).Output()
			Expect(err).NotTo(HaveOccurred())
			Expect(string(script)).To(ContainSubstring("signalbox completion " + shell))
			if _, err := exec.LookPath(shell); err != nil {
				return // this machine does not have the shell
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
