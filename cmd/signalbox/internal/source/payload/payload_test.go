package payload_test

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
)

var _ = Describe("A delivery", func() {
	It("is useful if it has changes", func() {
		var d payload.Delivery
		d.Add(tracker.Change{ID: "1", Time: time.Unix(5, 0)})
		d.Add(tracker.Change{ID: "2", Ended: time.Unix(6, 0)})
		Expect(d.Outcome).To(Equal(payload.Useful))
		Expect(d.Changes).To(HaveLen(2))
		Expect(d.Time()).To(Equal(time.Unix(6, 0)))
	})

	It("has an id and a description of a bounded length", func() {
		d := payload.New("5")
		d.Describe("job", "", strings.Repeat("é", 100))
		Expect(d.ID).To(Equal("5"))
		Expect(d.Event).To(Equal("job " + strings.Repeat("é", 30)))
		Expect(payload.New(strings.Repeat("5", 65)).ID).To(BeEmpty())
	})

	It("stays unmapped", func() {
		var d payload.Delivery
		d.Unmap("status", "x\n"+strings.Repeat("y", 100))
		d.Add(tracker.Change{ID: "1"})
		Expect(d.Outcome).To(Equal(payload.Unmapped))
		Expect(d.Outcome.String()).To(Equal("unmapped"))
		Expect(d.Reason).To(Equal(`unknown status "x\n` + strings.Repeat("y", 38) + `"`))
	})

	DescribeTable("is ignored if a change has no usable id", func(c tracker.Change) {
		var d payload.Delivery
		d.Add(c)
		Expect(d.Outcome).To(Equal(payload.Ignored))
		Expect(d.Changes).To(BeEmpty())
	},
		Entry(nil, tracker.Change{}),
		Entry(nil, tracker.Change{ID: strings.Repeat("1", 65)}),
		Entry(nil, tracker.Change{ID: "1", RunID: strings.Repeat("1", 65)}),
		Entry(nil, tracker.Change{ID: "1", Attempt: strings.Repeat("1", 65)}),
	)

	It("has attributes of a bounded length, in UTF-8", func() {
		var d payload.Delivery
		d.Add(tracker.Change{ID: "1", Attributes: tracker.Attributes{Owner: strings.Repeat("a", 512), Service: "a" + strings.Repeat("é", 1000)}})
		Expect(d.Changes[0].Attributes.Owner).To(HaveLen(512))
		Expect(d.Changes[0].Attributes.Service).To(Equal("a" + strings.Repeat("é", 255)))
	})
})

// Embedded is a part of an object.
type Embedded struct {
	Inner string `json:"inner"`
}

// Another has a field with the same name as Embedded, which stores another member, and one
// that does not store a member because object has it too.
type Another struct {
	Inner string `json:"another"`
	Text  string `json:"text"`
}

var _ = Describe("Unmarshal", func() {
	type object struct {
		ID      payload.ID      `json:"id"`
		Seconds payload.Seconds `json:"seconds"`
		Text    string          `json:"text"`
		Nested  struct {
			Texts []string `json:"texts"`
		} `json:"nested"`
		Last    string `json:"last"`
		Pointer *struct {
			Raw json.RawMessage `json:"raw"`
		} `json:"pointer"`
		Embedded
	}

	DescribeTable("reads what it can", func(body string, want object) {
		var got object
		Expect(payload.Unmarshal([]byte(body), &got)).To(Succeed())
		Expect(got).To(Equal(want))
	},
		Entry(nil, `{"id":5,"text":"a","nested":{"texts":["b"]},"last":"c"}`, object{ID: "5", Text: "a", Nested: struct {
			Texts []string `json:"texts"`
		}{[]string{"b"}}, Last: "c"}),
		Entry(nil, `{"id":{},"text":5,"nested":[],"last":"c"}`, object{Last: "c"}),
		Entry(nil, `{"id":null,"seconds":"1","text":null,"nested":null,"last":"c"}`, object{Last: "c"}),
		Entry(nil, `{"id":"a\u00e9","seconds":null,"last":"c"}`, object{ID: "aé", Last: "c"}),
		Entry(nil, ` {"other" : {"last":"a"}, "last" :"c" , "x":[{"last":"a"},"}\""],"inner": "d","y":1 } `, object{Last: "c", Embedded: Embedded{Inner: "d"}}),
		Entry(nil, `{"l\u0061st":"c","nested":{},"pointer":{"a":1,"raw":[ {"b":2} ],"c":3}}`, object{Last: "c", Pointer: &struct {
			Raw json.RawMessage `json:"raw"`
		}{json.RawMessage(`[ {"b":2} ]`)}}),
		Entry("the last of duplicates", `{"last":"a","last":"c","nested":{"texts":["b"]},"nested":{"texts":[]}}`, object{Last: "c", Nested: struct {
			Texts []string `json:"texts"`
		}{[]string{}}}),
		Entry("only as much as necessary", `{"x":tru,"last":"c","y":`+strings.Repeat("[", 20_000)+strings.Repeat("]", 20_000)+`}`, object{Last: "c"}),
		Entry(nil, `{}`, object{}),
		Entry(nil, `null`, object{}),
		Entry(nil, `[{"id":1}]`, object{}),
	)

	DescribeTable("returns an error for what is not JSON", func(body, want string) {
		Expect(payload.Unmarshal([]byte(body), &object{})).To(MatchError("the body is not JSON: " + want))
	},
		Entry(nil, ``, "unexpected end of JSON input"),
		Entry(nil, `{"id":`, "unexpected end of JSON input"),
		Entry(nil, `{"other":`, "unexpected end of JSON input"),
		Entry(nil, `{"other":[`, "unexpected end of JSON input"),
		Entry(nil, `{"other":}`, "invalid character '}' looking for beginning of value"),
		Entry(nil, `{"id":5} {}`, "invalid character '{' after top-level value"),
		Entry(nil, `{"id" 5}`, "invalid character '5' after object key"),
		Entry(nil, `{"other":5,"last":x}`, "invalid character 'x' looking for beginning of value"),
		Entry(nil, `{"nested":{"texts":["a"}}`, "invalid character '}' after array element"),
	)

	DescribeTable("texts", func(array string, want ...string) {
		var got struct{ Texts payload.Texts }
		body := `{"Texts":` + array + "}"
		Expect(json.Unmarshal([]byte(body), &got)).To(Succeed())
		Expect(slices.Equal(got.Texts, want)).To(BeTrue(), "%q", got.Texts)
	},
		Entry(nil, `["a", "\u00e9",null,5,{"b":["c"]},[]]`, "a", "é", "", "", "", ""),
		Entry(nil, `null`), Entry(nil, `{}`), Entry(nil, `"a"`), Entry(nil, `5`), Entry(nil, `[]`),
	)

	It("reads at most 100 texts", func() {
		var texts payload.Texts
		Expect(texts.UnmarshalJSON([]byte(`["a"` + strings.Repeat(`,"a"`, 1000) + "]"))).To(Succeed())
		Expect(texts).To(HaveLen(100))
	})

	It("distinguishes an empty array of texts from none", func() {
		texts := payload.Texts{"a"}
		Expect(texts.UnmarshalJSON([]byte("[ ]"))).To(Succeed())
		Expect(texts).To(And(BeEmpty(), Not(BeNil())))
		Expect(texts.UnmarshalJSON([]byte("null"))).To(Succeed())
		Expect(texts).To(BeNil())
	})

	DescribeTable("elements", func(array string, want ...string) {
		var got []string
		for o := range payload.Elements[object]([]byte(array)) {
			got = append(got, o.Last)
		}
		Expect(slices.Equal(got, want)).To(BeTrue(), "%q", got)
	},
		Entry(nil, ` [ {"last":"a","id":1} , {} ,null,5,{"last":"b"}]`, "a", "", "", "", "b"),
		Entry("up to an error", `[{"last":"a"},{"last":x},{"last":"b"}]`, "a"),
		Entry(nil, `[]`), Entry(nil, ``), Entry(nil, `{"last":"a"}`), Entry(nil, `[`),
	)

	DescribeTable("durations", func(number string, want any) {
		var s payload.Seconds
		Expect(s.UnmarshalJSON([]byte(number))).To(Succeed())
		if want == nil {
			Expect(s.Duration()).To(BeNil())
		} else {
			Expect(*s.Duration()).To(Equal(want))
		}
	},
		Entry(nil, "0", time.Duration(0)), Entry(nil, "49.503592", 49503592*time.Microsecond), Entry(nil, "-0.5", -500*time.Millisecond),
		Entry(nil, "null", nil), Entry(nil, `"5"`, nil), Entry(nil, "{}", nil), Entry(nil, "1e9", nil), Entry(nil, "-1e9", nil), Entry(nil, "1e999", nil),
	)
})

var _ = Describe("FormJSON", func() {
	DescribeTable("finds the JSON", func(body, want string) {
		Expect(payload.FormJSON([]byte(body))).To(BeEquivalentTo(want))
	},
		Entry(nil, "payload=%7B%22a%22%3A+1%7D", `{"a": 1}`),
		Entry(nil, "a=1&payload=%5B%5D&payload=x", "[]"),
		Entry(nil, `{"a":"&payload=%7B%7D"}`, `{"a":"&payload=%7B%7D"}`),
		Entry(nil, " \r\n\t[\"&payload=1\"]", " \r\n\t[\"&payload=1\"]"),
		Entry(nil, `"&payload=1"`, `"&payload=1"`),
		Entry(nil, "xpayload=1", "xpayload=1"),
		Entry(nil, "", ""),
	)

	It("returns an error for a damaged field", func() {
		_, err := payload.FormJSON([]byte("payload=%7"))
		Expect(err).To(MatchError(HavePrefix("the body is a form")))
	})
})

var _ = DescribeTable("RunnerClass", func(want string, labels ...string) {
	before := slices.Clone(labels)
	Expect(payload.RunnerClass(labels)).To(Equal(want))
	Expect(labels).To(Equal(before))
},
	Entry(nil, ""), Entry(nil, "", ""), Entry(nil, "self-hosted", "self-hosted"), Entry(nil, "self-hosted", "Self-Hosted", "self-hosted", ""),
	Entry(nil, "gpu,linux,x64", "self-hosted", "X64", " Linux", "gpu", "linux"),
)

var _ = DescribeTable("Owner", func(repository, want string) { Expect(payload.Owner(repository)).To(Equal(want)) },
	Entry(nil, "octo-org/api", "octo-org"), Entry(nil, "a/b/c", "a/b"), Entry(nil, "api", ""), Entry(nil, "", ""), Entry(nil, "/", ""))

var _ = DescribeTable("RepositoryPath", func(remote, want string) { Expect(payload.RepositoryPath(remote)).To(Equal(want)) },
	Entry(nil, "git@github.com:octo-org/api.git", "octo-org/api"), Entry(nil, "git@github.com:octo-org/api", "octo-org/api"),
	Entry(nil, "https://user:secret@git.example.com:8443/a/b/c.git/", "a/b/c"), Entry(nil, "https://github.com/octo-org/api.git?a#b", "octo-org/api"),
	Entry(nil, "ssh://git@example.com:22/octo-org/api.git", "octo-org/api"), Entry(nil, "example.com:api", "api"), Entry(nil, "git@example.com:/srv/api.git", "srv/api"),
	Entry(nil, "https://secret@example.com:port/a", ""), Entry(nil, "file:///srv/api.git", ""), Entry(nil, "/srv/a:b", ""), Entry(nil, "../api", ""),
	Entry(nil, "api", ""), Entry(nil, ":", ""), Entry(nil, "", ""))

var _ = DescribeTable("BranchKind", func(branch, defaultBranch, want string) {
	Expect(payload.BranchKind(branch, defaultBranch)).To(Equal(want))
},
	Entry(nil, "main", "main", "default"), Entry(nil, "dev", "main", "branch"), Entry(nil, "main", "", ""), Entry(nil, "", "main", ""), Entry(nil, "", "", ""))

var _ = DescribeTable("End", func(word, result, reason string) {
	var d payload.Delivery
	var c tracker.Change
	d.End(&c, map[string]string{"ok": tracker.ResultSuccess}, "status", word)
	Expect([]string{c.Result, c.Attributes.RawResult, d.Reason}).To(Equal([]string{result, word, reason}))
	Expect(c.State).To(Equal(tracker.Ended))
},
	Entry(nil, "ok", "success", ""), Entry(nil, "odd", "other", `unknown status "odd"`))

var _ = DescribeTable("Host", func(address, want string) { Expect(payload.Host(address, "github.com")).To(Equal(want)) },
	Entry(nil, "https://GitHub.com/a", ""), Entry(nil, "https://git.Example.com:80/a?b", "git.example.com:80"), Entry(nil, "git.example.com", ""),
	Entry(nil, "", ""), Entry(nil, "https://[::1", ""), Entry(nil, "https://user:password@x/y", "x"))

var _ = Describe("Between", func() {
	start := time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)
	DescribeTable("returns the difference of known times in order", func(start, end time.Time, want *time.Duration) {
		Expect(payload.Between(start, end)).To(Equal(want))
	},
		Entry(nil, start, start.Add(time.Second), new(time.Second)),
		Entry(nil, start, start, new(time.Duration(0))),
		Entry(nil, start, start.Add(-1), nil),
		Entry(nil, time.Time{}, start, nil),
		Entry(nil, start, time.Time{}, nil),
		Entry(nil, start, start.AddDate(11, 0, 0), nil),
		Entry(nil, time.Time{}, time.Time{}, nil),
	)
})

var _ = DescribeTable("WithoutMatrix", func(name, want string) { Expect(payload.WithoutMatrix(name)).To(Equal(want)) },
	Entry(nil, "build", "build"),
	Entry(nil, "test (1.26, linux)", "test"),
	Entry(nil, "test (a (b), c)", "test"),
	Entry(nil, "test (fast) on linux", "test (fast) on linux"),
	Entry(nil, "test (fast) on (linux)", "test (fast) on"),
	Entry(nil, "ci (1.26) / test (linux)", "ci / test"),
	Entry(nil, "ci (1.26) / test", "ci / test"),
	Entry(nil, "test (a / b)", "test"),
	Entry(nil, "test(1)", "test(1)"),
	Entry(nil, "(1)", "(1)"),
	Entry(nil, " (1)", " (1)"),
	Entry(nil, "test 1)", "test 1)"),
	Entry(nil, "test ((1)", "test ((1)"),
	Entry(nil, "a / ", "a / "),
	Entry(nil, ")(", ")("),
	Entry(nil, "", ""),
)
