package mapping

import (
	"fmt"
	"strings"
)

// A position is where a rule is in a mapping file, and where the change to its metric.
type position struct {
	rule   string // path of the rule; empty for a built-in rule
	change string // path of the change; empty without one
	labels int    // how many of the rule's labels are its own; the change added the others
}

// path returns the path of a rule's field: in the change if that sets it, or else in
// the rule. It is empty if neither is in the file.
func (p position) path(field string, d *document) string {
	inChange, added := field, true
	var label int
	if n, _ := fmt.Sscanf(field, "labels[%d]", &label); n == 1 {
		added = label >= p.labels
		inChange = at("add_labels", label-p.labels) + strings.TrimPrefix(field, at("labels", label))
	} else if field == "worker" { // which requires a label
		inChange = "drop_labels"
	}
	list, _, _ := strings.Cut(inChange, "[")
	switch {
	case p.change != "" && added && (p.rule == "" || d.says(join(p.change, list))):
		return join(p.change, inChange)
	case p.rule != "":
		return join(p.rule, field)
	}
	return ""
}
