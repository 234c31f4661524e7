package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
	"unicode"

	"code.cloudfoundry.org/lager/v3"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gexec"

	"github.com/signalbox-ci/signalbox/emitter/rule"
)

var _ = Describe("The log", func() {
	message := lager.LogFormat{
		Timestamp: "1700000000.123456789", Source: "signalbox", Message: "signalbox.push.rejected", LogLevel: lager.ERROR,
		Data: lager.Data{"line": 3, "error": "got \"a b\"", "name": "a\u202eb", "plain": "x:1", "empty": "", "list": []string{"\u009b"}},
	}

	It("has a text format for people", func() {
		Expect(string(encodeText(message))).To(Equal(`2023-11-14T22:13:20.123Z ERROR signalbox.push.rejected ` +
			`error="got \"a b\"" empty="" line=3 list=["\u009b"] name="a\u202eb" plain=x:1` + "\n"))
	})

	It("has a JSON format", func() {
		Expect(encodeJSON(message)).To(MatchJSON(`{"timestamp":"2023-11-14T22:13:20.123456789Z","level":"error","source":"signalbox",` +
			`"message":"signalbox.push.rejected","data":{"line":3,"error":"got \"a b\"","name":"a\u202eb","plain":"x:1","empty":"","list":["\u009b"]}}`))
		Expect(string(encodeJSON(message))).NotTo(ContainSubstring("\u202e"))
	})

	It("says how many lines were dropped", func() {
		Expect(string(encodeText(linesDropped(12, time.Unix(1700000000, 5))))).To(
			MatchRegexp(`^2023-11-14T22:13:20.000Z ERROR signalbox.log-lines-dropped error="[^"]+" lines=12\n$`))
	})

	It("is text with --log-format=text", func() {
		daemon := startDaemon("--log-format=text")
		Eventually(daemon.stderr).Should(MatchRegexp(`(?m)^\S+Z INFO  signalbox.listening-for-events url=http://127\.0\.0\.1:\d+/api/v1/events$`))
	})

	DescribeTable("contains no invisible characters from clients, nor do answers and the status page",
		func(format string) {
			const hostile = "x\u009b31m\u202egnp\u2066\u200b\u2028\u3164"
			daemon := startDaemon("--log-format=" + format)
			Eventually(daemon.stderr).Should(ContainSubstring("listening-for-pushes"))
			address := regexp.MustCompile(`http://[0-9.:]+`).FindAllString(daemon.stderr(), -1)
			intake, metrics := address[1], address[0]
			texts := map[string]string{}
			send := func(method, path, body string) {
				_, texts[method+" "+path+" "+body] = request(method, intake+path, body)
			}
			for _, body := range []string{`{"name":"%s"}`, `{"%s":1}`, `{"name":"builds started","value":"%s"}`, `%s`,
				`{"name":"error log","attributes":{"message":"%s","message":"%s"}}`, `{"name":"a","time":"%s"}`} {
				send(http.MethodPost, "/api/v1/events", strings.ReplaceAll(body, "%s", hostile))
			}
			for _, body := range []string{"%s 1\n", "a{%s=\"1\"} 1\n", "a{b=\"%s\"} 1\na{b=\"%s\"} 2\n", "# TYPE a %s\n"} {
				send(http.MethodPut, "/metrics/job/a", strings.ReplaceAll(body, "%s", hostile))
			}
			send(http.MethodPut, "/metrics/job/"+percent(hostile)+"/"+percent(hostile)+"/b", "a 1\n")
			send(http.MethodPut, "/metrics/job/a?ttl="+percent(hostile), "a 1\n")
			for _, body := range []string{`{"labels":{"%s":"a"},"metrics":[]}`, `{"metrics":[{"name":"%s","type":"gauge","value":1}]}`,
				`{"metrics":[{"name":"a","type":"%s","value":1}]}`, `{"metrics":[{"name":"a","type":"gauge","value":1,"labels":{"%s":"a"}}]}`} {
				send(http.MethodPost, "/api/v1/agent-metrics", strings.ReplaceAll(body, "%s", hostile))
			}
			_, overview := request(http.MethodGet, metrics+"/api/v1/overview", "")
			var decoded any // a browser shows what the escape sequences of JSON mean
			Expect(json.Unmarshal([]byte(overview), &decoded)).To(Succeed())
			texts["overview"] = fmt.Sprint(decoded)
			texts["log"] = daemon.stderr()
			Expect(texts["log"]).To(ContainSubstring("202e"))
			for what, text := range texts {
				Expect(strings.IndexFunc(text, isHidden)).To(Equal(-1), "%q: %q", what, text)
			}
		},
		Entry("as JSON", "json"),
		Entry("as text", "text"),
	)

	It("prints each error in a tree of errors on a line of its own", func() {
		inFile := errors.Join(&rule.MappingError{File: "m.yml", Line: 3, Reason: "a\u202e"}, &rule.MappingError{File: "m.yml", Line: 4, Reason: "b"})
		err := errors.Join(fmt.Errorf("--web: %w", errors.Join(errors.New("c"), errors.New("d\ne"))), fmt.Errorf("starting: %w", inFile), usageError("f"))
		Expect(errorLines(err, "--mapping-file: ")).To(Equal([]string{
			"--web: c", "--web: d; e", `starting: --mapping-file: m.yml:3: a\u202e`, "starting: --mapping-file: m.yml:4: b", "f",
		}))
	})

	It("ends with all errors in the configuration", func() {
		directory := GinkgoT().TempDir()
		mapping, web := filepath.Join(directory, "m.yml"), filepath.Join(directory, "w.yml")
		Expect(os.WriteFile(mapping, []byte("rules:\n- {event: e, metric: m, type: countr, operation: inc, divide: -1}\n"), 0o600)).To(Succeed())
		Expect(os.WriteFile(web, []byte("basic_auth_user: {}\n"), 0o600)).To(Succeed())
		daemon := start(nil, "run", "--intake-bind-ip=[]", "--intake-bind-port=9391", "--mapping-file", mapping, "--prometheus-web-config-file", web,
			"--prometheus-namespace=1a", "--push-storage-path="+filepath.Join(directory, "none", "groups"), "--exit-on-eof")
		Eventually(daemon).Should(gexec.Exit(exitBadUsage))
		Expect(strings.Split(strings.TrimSpace(daemon.stderr()), "\n")).To(ConsistOf(
			HavePrefix("signalbox: --exit-on-eof requires --stdin"),
			HavePrefix("signalbox: --push-storage-path: the directory "),
			HavePrefix("signalbox: --prometheus-bind-port: got port 9391, which is also the port of --intake-bind-port"),
			HavePrefix(`signalbox: --prometheus-namespace: got "1a"`),
			Equal("signalbox: --mapping-file: "+mapping+`:2: rules[0].type: type "countr" is not one of counter, gauge, histogram: did you mean "counter"?`),
			HavePrefix("signalbox: --mapping-file: "+mapping+":2: rules[0].divide: "),
			HavePrefix("signalbox: --prometheus-web-config-file: "+web+":1: basic_auth_user: unknown field"),
		))
	})
})

// percent returns text with all bytes percent-encoded.
func percent(text string) string {
	var b strings.Builder
	for i := range len(text) {
		fmt.Fprintf(&b, "%%%02X", text[i])
	}
	return b.String()
}

func isHidden(r rune) bool {
	return r != '\n' && r != '\t' && (!unicode.IsPrint(r) || unicode.In(r, unicode.Bidi_Control, unicode.Other_Default_Ignorable_Code_Point))
}
