package httpserver

import (
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
)

// CheckHost returns an error if the host cannot be part of an address to listen on. A
// host is what net.Listen accepts before the port: an IP address, with or without
// brackets and zone, or a host name. CheckHost does not look up host names. "[]" means
// all addresses.
func CheckHost(host string) error {
	name := withoutBrackets(host)
	_, err := netip.ParseAddr(name)
	if err == nil || host == "[]" || name != "" && !strings.ContainsAny(name, ":/[]@ \t\r\n") {
		return nil
	}
	return fmt.Errorf("got %s, expected an IP address or a host name, without a port", excerpt.Quote(host))
}

// Address returns the address that consists of the host, with or without brackets, and
// the port.
func Address(host, port string) string { return net.JoinHostPort(withoutBrackets(host), port) }

func withoutBrackets(host string) string {
	if inner, ok := strings.CutPrefix(host, "["); ok {
		if inner, ok = strings.CutSuffix(inner, "]"); ok {
			return inner
		}
	}
	return host
}

// Listen listens on a TCP address. The address 0.0.0.0 means all IPv4 addresses, but no
// IPv6 addresses.
func Listen(address string) (net.Listener, error) {
	network := "tcp"
	if host, _, _ := net.SplitHostPort(address); net.ParseIP(host).To4() != nil {
		network = "tcp4"
	}
	return net.Listen(network, address)
}
