package access

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
)

// CheckHost returns an error unless a name can be one of Options.Hosts: a host name
// without a port. The name may have characters that are not ASCII.
func CheckHost(name string) error {
	_, addressErr := netip.ParseAddr(strings.Trim(name, "[]"))
	switch {
	case name == "":
		return fmt.Errorf("got an empty name, expected a host name such as ci.example.com")
	case addressErr == nil && strings.Contains(name, ":"):
		return fmt.Errorf("got %q, expected a host name such as ci.example.com: IP addresses are always allowed", name)
	case strings.Contains(name, "/"):
		return fmt.Errorf("got %q, expected a host name without a scheme and a path, such as ci.example.com", name)
	case strings.Contains(name, ":"):
		return fmt.Errorf("got %q, expected a host name without a port: every port is allowed", name)
	case strings.ContainsAny(name, "* \t,"):
		return fmt.Errorf("got %q, expected a host name such as ci.example.com: patterns are not supported", name)
	}
	if _, err := toASCII(name); err != nil {
		return fmt.Errorf("got %s, expected a host name such as ci.example.com: %w", excerpt.Quote(name), err)
	}
	return nil
}

// toASCII returns the name as browsers and clients send it: bücher.example as
// xn--bcher-kva.example. It leaves ASCII names alone, because idna rejects some of those
// that are in use, such as names with an underscore.
func toASCII(name string) (string, error) {
	if !strings.ContainsFunc(name, func(r rune) bool { return r >= utf8.RuneSelf }) {
		return name, nil
	}
	return idna.Lookup.ToASCII(name)
}

// asciiHosts returns the names as they appear in the Host header, normalized by
// hostname. The names must be valid.
func asciiHosts(names []string) (hosts []string) {
	for _, name := range names {
		ascii, err := toASCII(name)
		if err != nil {
			panic("BUG: " + err.Error()) // CheckHost accepts only valid names
		}
		hosts = append(hosts, hostname(ascii))
	}
	return hosts
}

// isKnownHost reports whether the Host header of a request is allowed. IP addresses are
// always allowed, because a website that resolves its name to the listener's address
// still sends its own name. So are localhost and names below it, which no website can
// have, and requests without the header, which browsers do not send.
func (g *Guard) isKnownHost(header string) bool {
	if len(g.hosts) == 0 && !IsLoopback(g.options.Address) {
		return true
	}
	name := hostname(header)
	if name == "" || name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	return slices.Contains(g.hosts, name)
}

// hostname returns the name or address in a Host header, in lower case, without the
// port, brackets, and the dot that ends a fully qualified name.
func hostname(header string) string {
	name, _, err := net.SplitHostPort(header)
	if err != nil {
		name = strings.TrimSuffix(strings.TrimPrefix(header, "["), "]")
	}
	return strings.ToLower(strings.TrimSuffix(name, "."))
}

// IsLoopback reports whether only programs on the same machine can reach the address.
func IsLoopback(address net.Addr) bool {
	a, ok := address.(*net.TCPAddr)
	return ok && a.IP.IsLoopback()
}
