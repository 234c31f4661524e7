package main

import (
	"errors"
	"fmt"
	"net"
	"syscall"
)

// withAdvice adds to an error of listening what can be done about it with the flags
// that have the address and the port. It returns other errors, such as those of files
// that it may not read, unchanged.
func withAdvice(err error, ipFlag, portFlag string) error {
	if _, ok := errors.AsType[*net.OpError](err); !ok {
		return err
	}

	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%w; another program has the port, perhaps another signalbox: take a different one with %s, or 0 for any that is free", err, portFlag)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%w; ports below 1024 need root or the capability CAP_NET_BIND_SERVICE: take a higher one with %s", err, portFlag)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%w; no interface of this machine has that address: take one of its own with %s, or 0.0.0.0 or :: for all", err, ipFlag)
	default:
		return err
	}
}
