package exposition

import (
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/common/expfmt"

	"github.com/signalbox-ci/signalbox/internal/spelling"
)

// AllFormats lists all formats, in the form that ParseFormats parses.
const AllFormats = "text,openmetrics,protobuf"

// formatsByName maps the names of formats to their media types, of which the handler
// prefers the first.
var formatsByName = map[string][]expfmt.Format{
	"text":        {expfmt.FmtText},
	"openmetrics": {expfmt.FmtOpenMetrics_1_0_0, expfmt.FmtOpenMetrics_0_0_1},
	"protobuf":    {expfmt.FmtProtoDelim, expfmt.FmtProtoText, expfmt.FmtProtoCompact},
}

// ParseFormats parses a comma-separated list of the names text, openmetrics and
// protobuf. It returns the media types in the order in which a handler prefers them,
// which does not depend on the order in the list.
func ParseFormats(list string) ([]expfmt.Format, error) {
	listed := strings.Split(list, ",")
	for i, name := range listed {
		listed[i] = strings.TrimSpace(name)
		switch {
		case formatsByName[listed[i]] == nil:
			return nil, fmt.Errorf("got %q, expected text, openmetrics or protobuf%s", listed[i], spelling.Hint(listed[i], strings.Split(AllFormats, ",")))
		case slices.Contains(listed[:i], listed[i]):
			return nil, fmt.Errorf("%q is duplicated", listed[i])
		}
	}
	var formats []expfmt.Format
	for _, name := range []string{"openmetrics", "protobuf", "text"} { // as in client_golang
		if slices.Contains(listed, name) {
			formats = append(formats, formatsByName[name]...)
		}
	}
	return formats, nil
}
