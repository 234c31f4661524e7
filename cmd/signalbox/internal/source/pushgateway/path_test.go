package pushgateway_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/pushgateway"
	"github.com/signalbox-ci/signalbox/emitter/aggregator"
)

// labelsOf returns labels, given their names and values in turn.
func labelsOf(namesAndValues ...string) []aggregator.Label {
	var labels []aggregator.Label
	for i := 0; i < len(namesAndValues); i += 2 {
		labels = append(labels, aggregator.Label{Name: namesAndValues[i], Value: namesAndValues[i+1]})
	}
	return labels
}

var _ = Describe("Paths", func() {
	var f *fixture

	BeforeEach(func() { f = newFixture() })

	DescribeTable("of groups are parsed",
		func(path string, labels ...string) {
			w := f.put(path, "")
			Expect(w.Code).To(Equal(http.StatusOK), w.Body.String())
			Expect(f.last().Grouping).To(Equal(labelsOf(labels...)))
		},
		Entry("job", "/j", "job", "j"),
		Entry("labels, sorted", "/j/z/1/a/2", "a", "2", "job", "j", "z", "1"),
		Entry("slash at the end", "/j/", "job", "j"),
		Entry("empty value at the end", "/j/e/", "e", "", "job", "j"),
		Entry("slash in a value", "/a%2Fb/path/%2Fvar%2ftmp", "job", "a/b", "path", "/var/tmp"),
		Entry("escapes", "/a%20b/l/%25%3F%23+é", "job", "a b", "l", "%?#+é"),
		Entry("double escapes, unescaped once", "/a%252Fb", "job", "a%2Fb"),
		Entry("escaped dots", "/%2e%2E/l/%2E", "job", "..", "l", "."),
		Entry("escaped names", "/j/n%61me/v", "job", "j", "name", "v"),
		Entry("duplicate label", "/j/l/1/m/2/l/3", "job", "j", "l", "3", "m", "2"),
		Entry("job as a label", "/j11/job/other", "job", "j11"),
		Entry("job as an empty label", "/j11/job/", "job", "j11"),
		Entry("base64", "@base64/YS9i/l@base64/zqDPgc6_zrzOt864zrXPjc-C", "job", "a/b", "l", "Προμηθεύς"),
		Entry("base64, padded", "@base64/YQ==/l@base64/YQ=", "job", "a", "l", "a"),
		Entry("base64, escaped", "%40base64/YQ%3D%3D", "job", "a"),
		Entry("empty values in base64", "/j/a@base64/=/b@base64/", "a", "", "b", "", "job", "j"),
		Entry("duplicate label, with and without base64", "/j/l@base64/MQ/l/2", "job", "j", "l", "2"),
		Entry("UTF-8", "/%E2%98%83", "job", "☃"),
	)

	DescribeTable("of groups are rejected",
		func(path, reason string) {
			w := f.put(path, "")
			Expect(w.Code).To(Equal(http.StatusBadRequest))
			Expect(w.Body.String()).To(Equal(reason + "\n"))
			Expect(w.Header()).To(HaveKeyWithValue("Content-Type", ConsistOf("text/plain; charset=utf-8")))
			Expect(w.Header()).To(HaveKeyWithValue("X-Content-Type-Options", ConsistOf("nosniff")))
			Expect(f.do(http.MethodDelete, "/metrics/job"+path, nil).Code).To(Equal(http.StatusBadRequest))
			Expect(f.store.pushes).To(BeEmpty())
			Expect(f.store.deleted).To(BeEmpty())
		},
		Entry("odd number of components", "/j/lab", `odd number of components in label string "/lab"`),
		Entry("odd number of components, with a slash at the end", "/j/lab/v/", `odd number of components in label string "/lab/v/"`),
		Entry("reserved name", "/j/__x/v", `improper label name "__x"`),
		Entry("name with a digit first", "/j/1x/v", `improper label name "1x"`),
		Entry("name with a dot", "/j/a.b/v", `improper label name "a.b"`),
		Entry("name with a slash", "/j/a%2Fb/v", `improper label name "a/b"`),
		Entry("no name", "/j/@base64/YQ", `improper label name ""`),
		Entry("name with two suffixes", "/j/l@base64@base64/YQ", `improper label name "l@base64"`),
		Entry("no job", "@base64/=", "job name is required"),
		Entry("no job, but a label", "@base64/=/l/v", "job name is required"),
		Entry("nothing after job", "/", "job name is required"),
		Entry("job in invalid base64", "@base64/!!", `invalid base64 encoding for label job="!!": illegal base64 data at input byte 0`),
		Entry("label in standard base64, with a slash", "/j/l@base64/a+b/", `odd number of components in label string "/l@base64/a+b/"`),
		Entry("label in standard base64", "/j/l@base64/a+b", `invalid base64 encoding for label l="a+b": illegal base64 data at input byte 1`),
		Entry("overridden label in invalid base64", "/j/job@base64/!", `invalid base64 encoding for label job="!": illegal base64 data at input byte 0`),
		Entry("job that is not UTF-8", "/%FF", `the value of label job is not UTF-8: "\xff"`),
		Entry("label that is not UTF-8", "/j/l/a%FFb", `the value of label l is not UTF-8: "a\xffb"`),
		Entry("base64 that is not UTF-8", "/j/l@base64/_w", `the value of label l is not UTF-8: "\xff"`),
	)

	DescribeTable("of groups with components that are lost when the path is cleaned are rejected",
		func(path, reason string) {
			for _, method := range []string{"PUT", "POST", "DELETE"} {
				w := f.do(method, path, nil)
				Expect(w.Code).To(Equal(http.StatusBadRequest))
				Expect(w.Body.String()).To(ContainSubstring(reason))
			}
			Expect(f.store.pushes).To(BeEmpty())
			Expect(f.store.deleted).To(BeEmpty())
			Expect(f.logger).To(gbytes.Say("push-rejected"))
		},
		Entry("empty values", "/metrics/job/j/branch//pr//commit/abc", "write /branch@base64/="),
		Entry("an empty value at the end, with a slash", "/metrics/job/j/l//", "write /l@base64/="),
		Entry("an empty value in base64", "/metrics/job/j/l@base64//m/v", "write /l@base64/="),
		Entry("an unclean prefix, too", "//metrics/x/../job/j/l//m/v", "write /l@base64/="),
		Entry("an empty name", "/metrics/job/j//v/l/v", "got an empty label name"),
		Entry("an empty job", "/metrics/job//l/v", "job name is required"),
		Entry("an empty job alone", "/metrics/job//", "job name is required"),
		Entry("dots as a value", "/metrics/job/j/dir/../l/v", "write /dir@base64/Li4"),
		Entry("a dot as a value", "/metrics/job/j/dir/.", "write /dir@base64/Lg"),
		Entry("dots as the job", "/metrics/job/../job/j", "write /job@base64/Li4"),
	)

	DescribeTable("of groups may have UTF-8 names if these are enabled",
		func(path, name string) {
			f.options.UTF8Names = true
			w := f.put("/j"+path, "")
			Expect(w.Code).To(Equal(http.StatusOK), w.Body.String())
			Expect(f.last().Grouping).To(ContainElement(aggregator.Label{Name: name, Value: "a"}))
		},
		Entry("escaped as values", "/U__team_2e_name/a", "team.name"),
		Entry("escaped as values, with base64", "/U__team_2e_name@base64/YQ", "team.name"),
		Entry("as they are", "/team.name/a", "team.name"),
		Entry("escaped as in every path", "/gr%C3%B6%C3%9Fe/a", "größe"),
		Entry("not escaped", "/U_x/a", "U_x"),
		Entry("escaped in an invalid way, which are kept", "/U__x_zz_/a", "U__x_zz_"),
	)

	It("of groups have no escaped names unless UTF-8 names are enabled", func() {
		Expect(f.put("/j/U__team_2e_name/a", "").Code).To(Equal(http.StatusOK))
		Expect(f.last().Grouping).To(ContainElement(aggregator.Label{Name: "U__team_2e_name", Value: "a"}))
		f.options.UTF8Names = true
		Expect(f.put("/j/__x/a", "").Body.String()).To(ContainSubstring("improper label name"))
		Expect(f.put("/j/U______x/a", "").Body.String()).To(ContainSubstring("improper label name"))
	})

	It("of groups have at most 64 labels", func() {
		path := "/j"
		for i := range 63 {
			path += fmt.Sprintf("/l%d/v", i)
		}
		Expect(f.put(path, "").Code).To(Equal(http.StatusOK))
		w := f.put(path+"/x/v", "")
		Expect(w.Code).To(Equal(http.StatusBadRequest))
		Expect(w.Body.String()).To(Equal("got 65 grouping labels, expected at most 64\n"))
	})

	DescribeTable("that are not clean are redirected",
		func(method, target, location string) {
			w := f.do(method, target, nil)
			Expect(w.Code).To(Equal(http.StatusTemporaryRedirect))
			Expect(w.Header()).To(HaveKeyWithValue("Location", ConsistOf(location)))
			Expect(f.store.pushes).To(BeEmpty())
		},
		Entry("slashes", "PUT", "/metrics///job/j/l/v", "/metrics/job/j/l/v"),
		Entry("with an empty value at the end", "POST", "/metrics//job/j/l/", "/metrics/job/j/l/"),
		Entry("with a query", "DELETE", "/metrics//job/j?a=b&c=%2F", "/metrics/job/j?a=b&c=%2F"),
		Entry("dots", "PUT", "/metrics/./x/../job/j", "/metrics/job/j"),
		Entry("escapes, which are kept", "PUT", "/metrics//job/a%2Fb%20c/l/%2e%2E/", "/metrics/job/a%2Fb%20c/l/%2e%2E/"),
		Entry("the page", "GET", "/x/..//metrics", "/metrics"),
		Entry("the API", "GET", "/api//v1/status", "/api/v1/status"),
	)

	It("with two slashes at the start are redirected to paths with one", func() {
		r := httptest.NewRequest(http.MethodPut, "/", nil)
		r.URL.Path = "//metrics//job/j"
		Expect(pushgateway.Handles(r)).To(BeTrue())

		w := httptest.NewRecorder()
		pushgateway.NewHandler(f.options).ServeHTTP(w, r)
		Expect(w.Code).To(Equal(http.StatusTemporaryRedirect))
		Expect(w.Header()).To(HaveKeyWithValue("Location", ConsistOf("/metrics/job/j")))
	})

	DescribeTable("that do not exist",
		func(target string) {
			for _, method := range []string{"GET", "PUT", "DELETE"} {
				w := f.do(method, target, nil)
				Expect(w.Code).To(Equal(http.StatusNotFound))
				Expect(w.Body.String()).To(ContainSubstring("/metrics/job/<job>"))
			}
		},
		Entry("no job", "/metrics/job"),
		Entry("no job in base64", "/metrics/job@base64"),
		Entry("not a job", "/metrics/foo/bar"),
		Entry("case", "/metrics/Job/j"),
		Entry("suffix", "/metrics/job@base32/j"),
		Entry("slash", "/metrics/"),
		Entry("outside the API", "/job/j"),
	)

	DescribeTable("are recognized by Handles",
		func(target string, handled bool) {
			Expect(pushgateway.Handles(httptest.NewRequest(http.MethodGet, target, nil))).To(Equal(handled))
		},
		Entry("page", "/metrics", true),
		Entry("page, escaped", "/%6detrics", true),
		Entry("group", "/metrics/job/j", true),
		Entry("below the page", "/metrics/", true),
		Entry("metrics", "/api/v1/metrics", true),
		Entry("status", "/api/v1/status", true),
		Entry("wipe", "/api/v1/admin/wipe", true),
		Entry("group, before cleaning", "/a/..//metrics/./job/j", true),
		Entry("outside the API, after cleaning", "/metrics/../events", false),
		Entry("root", "/", false),
		Entry("escaped slash", "/metrics%2Fjob/j", false),
		Entry("events", "/api/v1/events", false),
		Entry("below the API", "/api/v1/metrics/x", false),
		Entry("health", "/-/healthy", false),
		Entry("prefix", "/metricsx", false),
		Entry("asterisk", "*", false),
	)
})
