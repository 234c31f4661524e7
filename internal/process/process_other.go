//go:build !linux

package process

// A reader exists only on Linux.
type reader struct{}

func newReader() *reader { return nil }

func (*reader) read(*values) {}
