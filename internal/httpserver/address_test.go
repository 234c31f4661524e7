package httpserver

import (
	"net"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("The host of an address to listen on", func() {
	DescribeTable("may be what net.Listen accepts", func(host, address string) {
		Expect(CheckHost(host)).To(Succeed())
		Expect(Address(host, "9391")).To(Equal(address))
	},
		Entry("IPv4", "127.0.0.1", "127.0.0.1:9391"),
		Entry("IPv6", "::1", "[::1]:9391"),
		Entry("IPv6 in brackets", "[::1]", "[::1]:9391"),
		Entry("all addresses", "::", "[::]:9391"),
		Entry("all addresses in brackets", "[::]", "[::]:9391"),
		Entry("empty brackets", "[]", ":9391"),
		Entry("an IPv6 address with a zone", "fe80::1%eth0", "[fe80::1%eth0]:9391"),
		Entry("an IPv6 address with a zone in brackets", "[fe80::1%eth0]", "[fe80::1%eth0]:9391"),
		Entry("an IPv4 address in IPv6", "::ffff:127.0.0.1", "[::ffff:127.0.0.1]:9391"),
		Entry("a host name", "localhost", "localhost:9391"),
		Entry("a host name in brackets", "[localhost]", "localhost:9391"),
		Entry("a fully qualified host name", "web-1.ci.example.org.", "web-1.ci.example.org.:9391"),
		Entry("a name with an underscore", "web_1", "web_1:9391"),
		Entry("an international name", "münchen.example", "münchen.example:9391"),
	)

	DescribeTable("may not be anything else", func(host string) {
		Expect(CheckHost(host)).To(MatchError(And(HavePrefix("got "), HaveSuffix(", expected an IP address or a host name, without a port"))))
	},
		Entry("nothing", ""),
		Entry("a host with a port", "localhost:9391"),
		Entry("an IPv6 address with a port", "[::1]:9391"),
		Entry("an unfinished bracket", "[::1"),
		Entry("an unbalanced bracket", "::1]"),
		Entry("a URL", "http://localhost"),
		Entry("a space", "local host"),
		Entry("too many colons", ":::"),
	)

	DescribeTable("can be listened on", func(host string) {
		listener, err := Listen(Address(host, "0"))
		Expect(err).NotTo(HaveOccurred())
		defer listener.Close()
		conn, err := net.Dial("tcp", listener.Addr().String())
		Expect(err).NotTo(HaveOccurred())
		Expect(conn.Close()).To(Succeed())
	},
		Entry("a host name", "localhost"),
		Entry("an address", "127.0.0.1"),
		Entry("all addresses", "[::]"),
	)
})
