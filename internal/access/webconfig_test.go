package access_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"time"

	"code.cloudfoundry.org/lager/v3"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/internal/access"
	"github.com/signalbox-ci/signalbox/internal/webconfig"
)

var _ = Describe("A guard with a web configuration file", func() {
	const (
		// users contains the user ops, whose password is "secret".
		users = "basic_auth_users:\n  ops: $2a$04$KWY2jkZEEFoqql3DodBozOXw6KM0OV3Rhy/YMgtgUC/uP3fVrs84a\n"

		password, wrong = "Basic b3BzOnNlY3JldA==", "Basic b3BzOndyb25n"
		token, another  = "Bearer 0123456789abcdef", "Bearer 0123456789abcdeg"
		both            = `Bearer realm="signalbox",Basic realm="signalbox", charset="UTF-8"`
		basic, bearer   = `Basic realm="signalbox", charset="UTF-8"`, `Bearer realm="signalbox"`
	)

	open := func(content string) *webconfig.File {
		GinkgoHelper()
		path := filepath.Join(GinkgoT().TempDir(), "web.yml")
		Expect(os.WriteFile(path, []byte(content), 0o600)).To(Succeed())
		file, err := webconfig.Open(path)
		Expect(err).NotTo(HaveOccurred())
		return file
	}
	get := func(o access.Options, path, credential string, headers ...string) *httptest.ResponseRecorder {
		GinkgoHelper()
		o.Address = &net.TCPAddr{IP: net.IPv4zero}
		o.Logger = func() lager.Logger { return lager.NewLogger("test") }
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("Authorization", credential)
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		access.New(o, http.NotFoundHandler()).ServeHTTP(w, r)
		return w
	}

	DescribeTable("requires a password or a token",
		func(content, valid, path, credential string, status int, challenges string) {
			o := access.Options{WebConfig: open(content)}
			if valid != "" {
				o.Tokens = tokens(strings.TrimPrefix(valid, "Bearer "), nil)
			}
			w := get(o, path, credential)
			Expect(w.Code).To(Equal(status))
			Expect(strings.Join(w.Header().Values("WWW-Authenticate"), ",")).To(Equal(challenges))
		},
		Entry("no users", "", "", "/", "", 404, ""),
		Entry("a password", users, "", "/", password, 404, ""),
		Entry("a wrong password", users, "", "/", wrong, 401, basic),
		Entry("no password", users, "", "/", "", 401, basic),
		Entry("a token without tokens", users, "", "/", token, 401, basic),
		Entry("a health check", users, "", "/-/healthy", "", 404, ""),
		Entry("another health check", users, token, "/-/ready", "", 404, ""),
		Entry("not a health check", users, "", "/-/reload", "", 401, basic),
		Entry("an escaped health check", users, "", "/-%2Fhealthy", "", 401, basic),
		Entry("below a health check", users, "", "/-/healthy/../../metrics", "", 401, basic),
		Entry("a token", "", token, "/", token, 404, ""),
		Entry("a wrong token", "", token, "/", another, 401, bearer),
		Entry("no token", "", token, "/", "", 401, bearer),
		Entry("a token instead of a password", users, token, "/", token, 404, ""),
		Entry("a password instead of a token", users, token, "/", password, 404, ""),
		Entry("a wrong password instead of a token", users, token, "/", wrong, 401, both),
		Entry("neither", users, token, "/", "", 401, both),
	)

	It("adds the headers of the file, and limits the rate of all requests except health checks", func() {
		o := access.Options{WebConfig: open("rate_limit: {interval: 1h, burst: 1}\nhttp_server_config: {headers: {X-Frame-Options: deny}}\n")}
		for _, c := range []struct {
			path   string
			status int
		}{{"/", 404}, {"/", 429}, {"/-/healthy", 404}, {"/", 429}} {
			w := get(o, c.path, "")
			Expect(w.Code).To(Equal(c.status))
			if c.path == "/" {
				Expect(w.Header()).To(HaveKeyWithValue("X-Frame-Options", ConsistOf("deny")))
			}
		}
	})

	It("reports how the listener is protected, and the files that do it", func() {
		for _, c := range []struct {
			options access.Options
			want    access.Protection
		}{
			{access.Options{}, access.Protection{}},
			{access.Options{WebConfig: open("")}, access.Protection{}},
			{access.Options{WebConfig: open(users)}, access.Protection{Authenticated: true}},
			{access.Options{Tokens: tokens("0123456789abcdef", time.Now)}, access.Protection{Authenticated: true}},
		} {
			Expect(c.options.Protection()).To(Equal(c.want))
		}
		o := access.Options{WebConfig: open(users), Tokens: tokens("0123456789abcdef", nil), Denials: access.NewDenials("intake")}
		Expect(o.Files()).To(HaveExactElements(HaveField("Name", "token file of the intake listener"),
			HaveField("Name", "web configuration file of the intake listener")))
		for _, f := range o.Files() {
			Expect(f.Err()).To(Succeed())
		}
	})
})

var _ = DescribeTable("A protection covers another one",
	func(p, q access.Protection, covers bool) { Expect(p.Covers(q)).To(Equal(covers)) },
	Entry("open and open", access.Protection{}, access.Protection{}, true),
	Entry("open and TLS", access.Protection{}, access.Protection{Encrypted: true}, false),
	Entry("open and a password", access.Protection{}, access.Protection{Authenticated: true}, false),
	Entry("TLS and TLS", access.Protection{Encrypted: true}, access.Protection{Encrypted: true}, true),
	Entry("TLS and a password", access.Protection{Encrypted: true}, access.Protection{Authenticated: true}, false),
	Entry("a password and TLS with one", access.Protection{Authenticated: true}, access.Protection{Encrypted: true, Authenticated: true}, true),
)
