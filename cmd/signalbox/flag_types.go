package main

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jessevdk/go-flags"

	"github.com/signalbox-ci/signalbox/emitter/aggregator"
	"github.com/signalbox-ci/signalbox/internal/access"
	"github.com/signalbox-ci/signalbox/internal/catalog"
	"github.com/signalbox-ci/signalbox/internal/duration"
	"github.com/signalbox-ci/signalbox/internal/httpserver"
	"github.com/signalbox-ci/signalbox/internal/names"
)

// attributes is the value of a repeatable flag: key=value pairs.
type attributes map[string]string

// UnmarshalFlag adds a pair.
func (a *attributes) UnmarshalFlag(text string) error {
	key, value, ok := strings.Cut(text, "=")
	if !ok {
		return fmt.Errorf("got %q, expected key=value", text)
	}
	if key == "" {
		return fmt.Errorf("got %q, whose key is empty", text)
	}
	if _, ok := (*a)[key]; ok {
		return fmt.Errorf("key %q is duplicated", key)
	}

	if *a == nil {
		*a = make(attributes)
	}
	(*a)[key] = value
	return nil
}

// bindHost is the value of a flag: an IP address or a host name to listen on.
type bindHost string

// UnmarshalFlag parses what httpserver.CheckHost accepts.
func (h *bindHost) UnmarshalFlag(text string) error {
	if err := httpserver.CheckHost(text); err != nil {
		return err
	}
	*h = bindHost(text)
	return nil
}

// hostName is the value of a flag: a name of a host, without a port.
type hostName string

// UnmarshalFlag parses a host name.
func (h *hostName) UnmarshalFlag(text string) error {
	*h = hostName(text)
	return access.CheckHost(text)
}

// webOrigin is the value of a flag: the origin of a website, or * for all of them.
type webOrigin string

// UnmarshalFlag parses an origin.
func (o *webOrigin) UnmarshalFlag(text string) error {
	*o = webOrigin(text)
	return access.CheckOrigin(text)
}

// port is the value of a flag: a TCP port to listen on. Zero means any free port.
type port uint16

// UnmarshalFlag parses a port.
func (p *port) UnmarshalFlag(text string) error {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return fmt.Errorf("got %q, expected a port from 0 to 65535", text)
	}
	*p = port(n)
	return nil
}

// limit is the value of a flag: a limit of at least 1.
type limit int64

// UnmarshalFlag parses a positive integer.
func (l *limit) UnmarshalFlag(text string) error {
	n, err := strconv.ParseInt(text, 10, 64)
	if errors.Is(err, strconv.ErrRange) {
		return fmt.Errorf("%s is out of range", text)
	}
	if err != nil {
		return fmt.Errorf("got %q, expected an integer", text)
	}
	if n < 1 {
		return fmt.Errorf("got %d, expected at least 1", n)
	}
	*l = limit(n)
	return nil
}

// textLimit is the value of a flag: a limit on the size of pushed texts in bytes.
type textLimit limit

// UnmarshalFlag parses an integer from 1 to aggregator.MaxTextBytes.
func (l *textLimit) UnmarshalFlag(text string) error {
	if err := (*limit)(l).UnmarshalFlag(text); err != nil {
		return err
	}
	if *l > aggregator.MaxTextBytes {
		return fmt.Errorf("got %d, expected at most %d", *l, aggregator.MaxTextBytes)
	}
	return nil
}

// byteSize is the value of a flag: an amount of memory in bytes. Zero means that the
// flag is not set.
type byteSize int64

// minMemory is the minimum of a byteSize. The program itself needs about as much.
const minMemory = 32 << 20

// byteUnits are the units of a byteSize: those of GOMEMLIMIT, and those of Kubernetes.
var byteUnits = []struct {
	suffix string
	shift  uint
}{{"KiB", 10}, {"MiB", 20}, {"GiB", 30}, {"TiB", 40}, {"Ki", 10}, {"Mi", 20}, {"Gi", 30}, {"Ti", 40}, {"B", 0}}

// UnmarshalFlag parses an integer with an optional unit.
func (b *byteSize) UnmarshalFlag(text string) error {
	digits, shift := text, uint(0)
	for _, unit := range byteUnits {
		if before, ok := strings.CutSuffix(text, unit.suffix); ok {
			digits, shift = before, unit.shift
			break
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 {
		return fmt.Errorf("got %q, expected a number of bytes such as 512MiB", text)
	}
	if n > math.MaxInt64>>shift {
		return fmt.Errorf("%s is out of range", text)
	}
	if n <<= shift; n < minMemory {
		return fmt.Errorf("got %s, expected at least %dMiB", text, minMemory>>20)
	}
	*b = byteSize(n)
	return nil
}

// timeout is the value of a flag: a duration greater than 0.
type timeout time.Duration

// UnmarshalFlag parses a duration greater than 0.
func (t *timeout) UnmarshalFlag(text string) error {
	d, err := time.ParseDuration(text)
	if err != nil {
		return fmt.Errorf("got %q, expected a duration such as 10s or 1m30s%s", text, duration.Hint(text))
	}
	if d <= 0 {
		return fmt.Errorf("got %s, expected more than 0s", text)
	}
	*t = timeout(d)
	return nil
}

// String returns the duration in the form that UnmarshalFlag parses.
func (t timeout) String() string { return time.Duration(t).String() }

// lifetime is the value of a flag: a TTL or another time limit. Zero means no limit.
type lifetime time.Duration

// UnmarshalFlag parses a duration of at least 0.
func (l *lifetime) UnmarshalFlag(text string) error {
	d, err := time.ParseDuration(text)
	if err != nil {
		return fmt.Errorf("got %q, expected a duration such as 10m or 24h, or 0s for no limit%s", text, duration.Hint(text))
	}
	if d < 0 {
		return fmt.Errorf("got %s, expected at least 0s", text)
	}
	*l = lifetime(d)
	return nil
}

// String returns the duration in the form that UnmarshalFlag parses.
func (l lifetime) String() string { return time.Duration(l).String() }

// labelNames is the value of a flag: a comma-separated list of label names.
type labelNames string

// UnmarshalFlag parses a list, which may be empty.
func (n *labelNames) UnmarshalFlag(text string) error {
	list := labelNames(text).list()
	for i, name := range list {
		if !names.IsLabel(name) {
			return fmt.Errorf("got %q, expected a label name", name)
		}
		if slices.Contains(list[:i], name) {
			return fmt.Errorf("label %q is duplicated", name)
		}
	}
	*n = labelNames(text)
	return nil
}

// list returns the names, without spaces around them.
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

// gaugeModes is the value of a flag: how pushed gauges are aggregated.
type gaugeModes string

// UnmarshalFlag checks the modes and patterns.
func (g *gaugeModes) UnmarshalFlag(text string) error {
	*g = gaugeModes(text)
	return aggregator.CheckAggregateGauges(text)
}

// catalogList is the value of a flag: a comma-separated list of built-in catalogs.
type catalogList string

// UnmarshalFlag checks the names of the catalogs.
func (l *catalogList) UnmarshalFlag(text string) error {
	*l = catalogList(text)
	_, err := catalog.Parse(text)
	return err
}

// list returns the catalogs.
func (l catalogList) list() []catalog.Name {
	list, err := catalog.Parse(string(l))
	if err != nil {
		panic("BUG: the flag was not checked: " + err.Error())
	}
	return list
}

// isRepeatable reports whether an option may be repeated.
func isRepeatable(option *flags.Option) bool {
	kind := option.Field().Type.Kind()
	return kind == reflect.Map || kind == reflect.Slice
}

// isSwitch reports whether an option takes no value.
func isSwitch(option *flags.Option) bool {
	return option.Field().Type.Kind() == reflect.Bool
}
