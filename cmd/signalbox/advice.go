package main

import (
	"errors"
	"fmt"
	"net"
	"syscall"
)

// withAdvice adds advice to an error from listening: how to fix it with the flags that
// set the address and the port. It returns other errors, such as those from files that
// the process may not read, unchanged.
func withAdvice(err error, ipFlag, portFlag string) error {
	if _, ok := errors.AsType[*net.OpError](err); !ok {
		return err
	}

	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%w; another program, perhaps another signalbox, uses this port: set %s to a different port, or to 0 for any free port", err, portFlag)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%w; ports below 1024 require root or the capability CAP_NET_BIND_SERVICE: set %s to a higher port", err, portFlag)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%w; no interface of this machine has this address: set %s to an address of this machine, or to 0.0.0.0 or :: for all of them", err, ipFlag)
	default:
		return err
	}
}
