package main

import (
	"errors"
	"fmt"
	"net"
	"strings"
)

// checkAll returns all errors in the flags that can be found without starting the
// daemon, and a summary of the mapping.
func (c *runCommand) checkAll() (summary string, err error) {
	summary, err = c.check()
	return summary, errors.Join(c.checkInput(), err)
}

// check is like runCommand.checkAll, for the flags that all daemons have.
func (c *daemon) check() (summary string, err error) {
	errs := []error{c.checkPushed(), c.checkAccess(), c.checkWebhooks(), c.checkListeners()}
	configured := false
	for _, factory := range c.monitor.Factories() {
		if !factory.IsConfigured() {
			continue
		}
		configured = true
		if f, ok := factory.(checker); ok {
			summary, err = f.Check(c.Attributes)
			errs = append(errs, err)
		}
	}
	if !configured {
		// Without an emitter, all events would be discarded.
		errs = append(errs, errNoEmitter)
	}
	return summary, errors.Join(errs...)
}

// checkListeners returns an error for each pair of listeners with the same port on the
// same address. The flags of a listener end in -bind-ip and -bind-port. There is no
// listener for webhooks unless a source is configured.
func (c *daemon) checkListeners() error {
	type listener struct{ name, ip, port string }
	settings := c.flags()
	values := flagsOf(settings)
	var listeners []listener
	var errs []error
	for _, s := range settings {
		name, isPort := strings.CutSuffix(s.Name, "-bind-port")
		if !isPort || s.Value == "" || s.Value == "0" || name == "webhook" && len(c.configuredSources()) == 0 {
			continue
		}
		l := listener{name, values[name+"-bind-ip"], s.Value}
		for _, other := range listeners {
			if l.port == other.port && overlap(l.ip, other.ip) {
				errs = append(errs, usageError(fmt.Sprintf("--%s-bind-port: got port %s, which is also the port of --%s-bind-port: set one of them to another port",
					l.name, l.port, other.name)))
			}
		}
		listeners = append(listeners, l)
	}
	return errors.Join(errs...)
}

// overlap reports whether listeners on both addresses would receive the same
// connections.
func overlap(a, b string) bool {
	isAny := func(address string) bool {
		return address == "[]" || net.ParseIP(strings.Trim(address, "[]")).IsUnspecified()
	}
	return a == b || isAny(a) || isAny(b)
}
