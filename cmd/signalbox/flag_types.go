package main

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jessevdk/go-flags"

	"github.com/signalbox-ci/signalbox/internal/duration"
	"github.com/signalbox-ci/signalbox/internal/names"
)

// attributes is a repeatable flag of key=value pairs.
type attributes map[string]string

// UnmarshalFlag adds a pair.
func (a *attributes) UnmarshalFlag(text string) error {
	key, value, ok := strings.Cut(text, "=")
	if !ok {
		return fmt.Errorf("%q is not key=value", text)
	}
	if key == "" {
		return fmt.Errorf("%q has an empty key", text)
	}
	if _, ok := (*a)[key]; ok {
		return fmt.Errorf("%q is given twice", key)
	}

	if *a == nil {
		*a = make(attributes)
	}
	(*a)[key] = value
	return nil
}

// ipAddress is the flag of an address to listen on.
type ipAddress string

// UnmarshalFlag takes an IPv4 or IPv6 address, the latter without brackets.
func (a *ipAddress) UnmarshalFlag(text string) error {
	if _, err := netip.ParseAddr(text); err != nil {
		return fmt.Errorf("%q is not an IP address", text)
	}
	*a = ipAddress(text)
	return nil
}

// limit is the flag of a limit, which is at least 1.
type limit int64

// UnmarshalFlag takes a positive number.
func (l *limit) UnmarshalFlag(text string) error {
	n, err := strconv.ParseInt(text, 10, 64)
	if errors.Is(err, strconv.ErrRange) {
		return fmt.Errorf("%s is out of range", text)
	}
	if err != nil {
		return fmt.Errorf("%q is not a whole number", text)
	}
	if n < 1 {
		return fmt.Errorf("%d is less than 1", n)
	}
	*l = limit(n)
	return nil
}

// timeout is the flag of a time to wait, which is more than none.
type timeout time.Duration

// UnmarshalFlag takes a positive duration.
func (t *timeout) UnmarshalFlag(text string) error {
	d, err := time.ParseDuration(text)
	if err != nil {
		return fmt.Errorf("%q is not a duration like 10s or 1m30s%s", text, duration.Hint(text))
	}
	if d <= 0 {
		return fmt.Errorf("%s is not more than 0s", text)
	}
	*t = timeout(d)
	return nil
}

// String is the duration as it would be given.
func (t timeout) String() string { return time.Duration(t).String() }

// lifetime is the flag of how long something lives; 0 is forever.
type lifetime time.Duration

// UnmarshalFlag takes a duration that is not negative.
func (l *lifetime) UnmarshalFlag(text string) error {
	d, err := time.ParseDuration(text)
	if err != nil {
		return fmt.Errorf("%q is not a duration like 10m or 24h, or 0s for ever%s", text, duration.Hint(text))
	}
	if d < 0 {
		return fmt.Errorf("%s is less than 0s", text)
	}
	*l = lifetime(d)
	return nil
}

// String is the duration as it would be given.
func (l lifetime) String() string { return time.Duration(l).String() }

// labelNames is the flag of names of labels, with commas between them.
type labelNames string

// UnmarshalFlag takes names, or nothing.
func (n *labelNames) UnmarshalFlag(text string) error {
	list := labelNames(text).list()
	for i, name := range list {
		if !names.IsLabel(name) {
			return fmt.Errorf("%q is not a label name", name)
		}
		if slices.Contains(list[:i], name) {
			return fmt.Errorf("%q is given twice", name)
		}
	}
	*n = labelNames(text)
	return nil
}

// list is the names one by one.
func (n labelNames) list() []string {
	if n == "" {
		return nil
	}
	names := strings.Split(string(n), ",")
	for i, name := range names {
		names[i] = strings.TrimSpace(name)
	}
	return names
}

// isRepeatable reports whether an option may be given several times.
func isRepeatable(option *flags.Option) bool {
	kind := option.Field().Type.Kind()
	return kind == reflect.Map || kind == reflect.Slice
}

// isSwitch reports whether an option is given without a value.
func isSwitch(option *flags.Option) bool {
	return option.Field().Type.Kind() == reflect.Bool
}
