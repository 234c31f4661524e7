package access

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// CheckHost returns an error unless a name can be one of Options.Hosts: a host name
// without a port.
func CheckHost(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("got an empty name, expected a host name such as ci.example.com")
	case strings.Contains(name, "/"):
		return fmt.Errorf("got %q, expected a host name without a scheme and a path, such as ci.example.com", name)
	case strings.Contains(name, ":"):
		return fmt.Errorf("got %q, expected a host name without a port: every port is allowed", name)
	case strings.ContainsAny(name, "* \t,"):
		return fmt.Errorf("got %q, expected a host name such as ci.example.com: patterns are not supported", name)
	}
	return nil
}

// isKnownHost reports whether the Host header of a request is allowed. IP addresses are
// always allowed, because a website that resolves its name to the listener's address
// still sends its own name. So are localhost and names below it, which no website can
// have, and requests without the header, which browsers do not send.
func (g *Guard) isKnownHost(header string) bool {
	if len(g.options.Hosts) == 0 && !IsLoopback(g.options.Address) {
		return true
	}
	name := hostname(header)
	if name == "" || name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	return slices.ContainsFunc(g.options.Hosts, func(allowed string) bool { return hostname(allowed) == name })
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
