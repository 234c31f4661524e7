package exposition

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"
	"google.golang.org/protobuf/proto"

	"github.com/signalbox-ci/signalbox/internal/series"
)

// A pushedFamily is a pushed family as a page shows it. If the scraper does not support
// UTF-8 names, its name and the names of its labels are escaped, as the scraper asked.
type pushedFamily struct {
	*series.OpenFamily
	name   string
	scheme model.EscapingScheme

	escapesLabels bool
}

// newPushedFamily returns the family with names escaped according to the scheme.
func newPushedFamily(f *series.OpenFamily, scheme model.EscapingScheme) *pushedFamily {
	return &pushedFamily{
		OpenFamily: f, scheme: scheme,
		name:          escapeName(f.Name(), scheme),
		escapesLabels: scheme != model.NoEscaping && f.HasQuoted(),
	}
}

// escapeName escapes a name, if it must be quoted.
func escapeName(name string, scheme model.EscapingScheme) string {
	if !series.IsQuoted(name) {
		return name
	}
	return model.EscapeName(name, scheme)
}

// Name returns the name that the page shows.
func (f *pushedFamily) Name() string { return f.name }

// Rows is like OpenFamily.Rows. It omits rows whose labels, once escaped, are the same
// as those of another row, or two of which have the same name.
func (f *pushedFamily) Rows(now series.Instant) func(yield func(*series.Row) bool) {
	rows := f.OpenFamily.Rows(now)
	if !f.escapesLabels {
		return rows
	}
	return func(yield func(*series.Row) bool) {
		var seen series.LabelIndex
		for row := range rows {
			labels, ok := escapeLabels(row.Labels, f.scheme)
			if !ok {
				continue
			}
			if _, added := seen.Add(labels); !added {
				continue
			}
			row.Labels = labels
			if !yield(row) {
				return
			}
		}
	}
}

// escapeLabels escapes the names in the text of labels. It returns false if two names
// become equal.
func escapeLabels(text string, scheme model.EscapingScheme) (escaped string, ok bool) {
	if !series.HasQuoted(text) {
		return text, true
	}
	var labels []series.Label
	for name, value := range series.LabelsOf(text) {
		labels = append(labels, series.Label{Name: escapeLabel(name, scheme), Value: value})
	}
	slices.SortFunc(labels, func(a, b series.Label) int { return strings.Compare(a.Name, b.Name) })
	for i := range labels {
		if i > 0 && labels[i].Name == labels[i-1].Name {
			return "", false
		}
	}
	return series.LabelText(labels), true
}

// escapeLabel escapes the name of a label, if it must be quoted.
func escapeLabel(name string, scheme model.EscapingScheme) string {
	if !series.IsQuotedLabel(name) {
		return name
	}
	return strings.ReplaceAll(model.EscapeName(name, scheme), ":", "_")
}

// Gather is like OpenFamily.Gather, with the names that the page shows.
func (f *pushedFamily) Gather(now series.Instant) *dto.MetricFamily {
	mf := &dto.MetricFamily{Name: proto.String(f.name), Type: f.Type().ClientModel().Enum()}
	if help := f.Help(); help != "" {
		mf.Help = proto.String(help)
	}
	for row := range f.Rows(now) {
		mf.Metric = append(mf.Metric, row.Client(f.Type()))
	}
	return mf
}

// omitted returns an error if Rows omits rows.
func (f *pushedFamily) omitted(now series.Instant) error {
	if !f.escapesLabels {
		return nil
	}
	all, shown := 0, 0
	for range f.OpenFamily.Rows(now) {
		all++
	}
	for range f.Rows(now) {
		shown++
	}
	if shown == all {
		return nil
	}
	return fmt.Errorf("%d series of pushed metric %q are omitted: once their label names are escaped for this scraper, others have the same labels", all-shown, f.OpenFamily.Name())
}

// sortEscaped sorts families, some of which have escaped names, by name. It removes
// families whose name is then that of another family. The error names them.
func sortEscaped(families []*pushedFamily) ([]*pushedFamily, error) {
	isEscaped := func(f *pushedFamily) int {
		if f.name != f.OpenFamily.Name() {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(families, func(a, b *pushedFamily) int {
		if c := strings.Compare(a.name, b.name); c != 0 {
			return c
		}
		return isEscaped(a) - isEscaped(b)
	})
	var errs []error
	kept := families[:0]
	for _, f := range families {
		if len(kept) > 0 && kept[len(kept)-1].name == f.name {
			errs = append(errs, fmt.Errorf("pushed metric %q is omitted: once its name is escaped for this scraper, another metric has the name %s", f.OpenFamily.Name(), f.name))
			continue
		}
		kept = append(kept, f)
	}
	return kept, errors.Join(errs...)
}

// quoted returns the name as written in a HELP or TYPE line.
func quoted(name string) string {
	if !series.IsQuoted(name) {
		return name
	}
	return `"` + quoteEscaper.Replace(name) + `"`
}

// samplePrefix returns the beginning of a sample of the family with the name. If the
// name must be quoted, the sample begins with a brace and appendName adds the second
// quote.
func samplePrefix(name string) string {
	if !series.IsQuoted(name) {
		return name
	}
	return `{"` + quoteEscaper.Replace(name)
}

// isSamplePrefix reports whether samplePrefix returned the name for one that must be
// quoted.
func isSamplePrefix(name string) bool { return name[0] == '{' }

// quoteEscaper escapes quoted names, and help texts in OpenMetrics.
var quoteEscaper = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
