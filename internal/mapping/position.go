package mapping

import (
	"fmt"
	"strings"
)

// A position contains the paths, in the mapping file, of a rule and of the change to
// its metric.
type position struct {
	rule   string // path of the rule; empty for a built-in rule
	change string // path of the change; empty if the metric is not changed
	labels int    // number of labels that the change did not add; they come first
}

// path returns the path of a rule's field in the file. It is a path in the change if
// the change sets the field or the rule is built-in, and otherwise a path in the rule.
// It is empty if the field is in neither of them.
func (p position) path(field string, d *document) string {
	inChange, added := field, true
	var label int
	if n, _ := fmt.Sscanf(field, "labels[%d]", &label); n == 1 {
		added = label >= p.labels
		inChange = at("add_labels", label-p.labels) + strings.TrimPrefix(field, at("labels", label))
	} else if field == "worker" { // worker requires a label, which the change may have dropped
		inChange = "drop_labels"
	}
	list, _, _ := strings.Cut(inChange, "[")
	switch {
	case p.change != "" && added && (p.rule == "" || d.has(join(p.change, list))):
		return join(p.change, inChange)
	case p.rule != "":
		return join(p.rule, field)
	}
	return ""
}
