package main

import (
	"fmt"
	"maps"
	"regexp"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/signalbox-ci/signalbox/internal/catalog"
)

// intervals lists the variables that Grafana replaces with a duration or a number of
// seconds. PromQL's parser does not accept them, so each has a value that stands in for
// it while a query is parsed.
var intervals = []struct{ variable, duration string }{
	{"$__rate_interval", "1h1m1s1ms"},
	{"$__range_s", "366136"}, // must come before $__range, its prefix
	{"$__range", "1h1m1s2ms"},
}

// withoutIntervals returns the query with durations in place of Grafana's variables.
func withoutIntervals(query string) string {
	for _, i := range intervals {
		query = strings.ReplaceAll(query, i.variable, i.duration)
	}
	return query
}

// withIntervals undoes withoutIntervals.
func withIntervals(query string) string {
	for _, i := range intervals {
		query = strings.ReplaceAll(query, i.duration, i.variable)
	}
	return query
}

// A term is a translated query, or a part of one.
type term struct {
	expr   parser.Expr
	labels map[string]string // translated label names by inherited name

	// milliseconds is set if the value of the inherited form is in milliseconds.
	milliseconds bool
}

// translate translates a query for the inherited naming, without namespace, into the
// language. If the query divides milliseconds by 1000 and the language has seconds,
// translate removes the division. A query whose value is in milliseconds is an error.
func (l *language) translate(query string) (string, term, error) {
	fail := func(err error) (string, term, error) {
		return "", term{}, fmt.Errorf("query %q: %w", query, err)
	}
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(withoutIntervals(query))
	if err != nil {
		return fail(err)
	}
	t, err := l.term(expr)
	if err != nil {
		return fail(err)
	}
	if t.milliseconds {
		return fail(fmt.Errorf("got a value in milliseconds, expected seconds: divide by 1000"))
	}
	return withIntervals(formatted(t.expr)), t, nil
}

// formatted returns the expression in several lines. It puts conditions that are joined
// by "and" below each other; the parser's Pretty indents each one further.
func formatted(expr parser.Expr) string {
	conditions := conditions(expr)
	if len(conditions) == 1 {
		return expr.Pretty(0)
	}
	lines := make([]string, len(conditions))
	for i, c := range conditions {
		lines[i] = c.Pretty(1)
	}
	return strings.Join(lines, "\nand\n")
}

// conditions returns the operands of a chain of "and" operators.
func conditions(expr parser.Expr) []parser.Expr {
	e, ok := expr.(*parser.BinaryExpr)
	if !ok || e.Op != parser.LAND || e.VectorMatching.On || len(e.VectorMatching.MatchingLabels) > 0 {
		return []parser.Expr{expr}
	}
	return append(conditions(e.LHS), e.RHS)
}

// term translates an expression. It changes the expression in place.
func (l *language) term(expr parser.Expr) (term, error) {
	switch e := expr.(type) {
	case *parser.NumberLiteral, *parser.StringLiteral:
		return term{expr: expr}, nil
	case *parser.VectorSelector:
		return l.selector(e)
	case *parser.MatrixSelector:
		return l.within(e, &e.VectorSelector)
	case *parser.SubqueryExpr:
		return l.within(e, &e.Expr)
	case *parser.ParenExpr:
		return l.within(e, &e.Expr)
	case *parser.UnaryExpr:
		return l.within(e, &e.Expr)
	case *parser.AggregateExpr:
		t, err := l.within(e, &e.Expr)
		t.rename(e.Grouping)
		return t, err
	case *parser.BinaryExpr:
		return l.binary(e)
	case *parser.Call:
		return l.call(e)
	}
	return term{}, fmt.Errorf("cannot translate a %T", expr)
}

// within translates the operand of an outer expression that changes neither the labels
// nor the unit.
func (l *language) within(outer parser.Expr, operand *parser.Expr) (term, error) {
	t, err := l.term(*operand)
	if err != nil {
		return term{}, err
	}
	*operand, t.expr = t.expr, outer
	return t, nil
}

func (l *language) selector(e *parser.VectorSelector) (term, error) {
	name, f, err := l.metric(e.Name)
	if err != nil {
		return term{}, err
	}
	e.Name = name
	for i, m := range e.LabelMatchers {
		if m.Name == model.MetricNameLabel {
			e.LabelMatchers[i] = labels.MustNewMatcher(m.Type, m.Name, name)
		} else if translated, ok := f.labels[m.Name]; ok {
			m.Name = translated
		}
	}
	return term{expr: e, labels: f.labels, milliseconds: f.milliseconds}, nil
}

func (l *language) binary(e *parser.BinaryExpr) (term, error) {
	left, err := l.term(e.LHS)
	if err != nil {
		return term{}, err
	}
	right, err := l.term(e.RHS)
	if err != nil {
		return term{}, err
	}
	e.LHS, e.RHS = left.expr, right.expr
	t := term{expr: e, labels: map[string]string{}, milliseconds: left.milliseconds}
	maps.Copy(t.labels, left.labels)
	for inherited, name := range right.labels {
		if other, ok := t.labels[inherited]; ok && other != name {
			return term{}, fmt.Errorf("the label %s is named %s on one side of %q and %s on the other", inherited, other, e.Op, name)
		}
		t.labels[inherited] = name
	}
	if e.VectorMatching != nil {
		t.rename(e.VectorMatching.MatchingLabels)
		t.rename(e.VectorMatching.Include)
	}

	if right.milliseconds {
		return term{}, fmt.Errorf("the right side of %q is in milliseconds, expected seconds: divide by 1000", e.Op)
	}
	if divisor, ok := e.RHS.(*parser.NumberLiteral); ok && e.Op == parser.DIV && divisor.Val == 1000 && left.milliseconds {
		t.milliseconds = false
		if l.naming == catalog.Modern {
			t.expr = left.expr
		}
		return t, nil
	}
	if left.milliseconds && e.Op != parser.DIV {
		return term{}, fmt.Errorf("the left side of %q is in milliseconds, expected seconds: divide by 1000", e.Op)
	}
	return t, nil
}

func (l *language) call(e *parser.Call) (term, error) {
	t := term{expr: e, labels: map[string]string{}}
	for i := range e.Args {
		argument, err := l.term(e.Args[i])
		if err != nil {
			return term{}, err
		}
		e.Args[i] = argument.expr
		maps.Copy(t.labels, argument.labels)
		t.milliseconds = t.milliseconds || argument.milliseconds
	}
	if e.Func.Name == "label_replace" {
		return t.labelReplace(e), nil
	}
	return t, nil
}

// labelReplace translates a call of label_replace whose arguments are translated. If
// the call gives a label the name that it already has in the language, as in
// label_replace(v, "team", "$1", "team", "(.*)"), the result is v alone.
func (t term) labelReplace(e *parser.Call) term {
	argument := func(i int) *parser.StringLiteral { return e.Args[i].(*parser.StringLiteral) }
	to, replacement, from, match := argument(1), argument(2), argument(3), argument(4)
	names := []string{from.Val}
	t.rename(names)
	from.Val = names[0]
	if from.Val == to.Val && replacement.Val == "$1" && match.Val == "(.*)" {
		t.expr = e.Args[0]
	}
	t.labels[to.Val] = to.Val
	return t
}

// rename translates label names in place.
func (t term) rename(names []string) {
	for i, name := range names {
		if translated, ok := t.labels[name]; ok {
			names[i] = translated
		}
	}
}

// labelReference matches a label in a legend: {{team}}.
var labelReference = regexp.MustCompile(`{{\s*(\w+)\s*}}`)

// legend translates a legend of the term's series.
func (t term) legend(format string) string {
	return labelReference.ReplaceAllStringFunc(format, func(reference string) string {
		names := labelReference.FindStringSubmatch(reference)[1:]
		t.rename(names)
		return "{{" + names[0] + "}}"
	})
}

// labelValues matches the query of a dashboard's variable for the values of a label.
var labelValues = regexp.MustCompile(`^label_values\((.+), *(\w+)\)$`)

// translateVariable translates the query of a dashboard's variable.
func (l *language) translateVariable(query string) (string, error) {
	parts := labelValues.FindStringSubmatch(query)
	if parts == nil {
		return "", fmt.Errorf("got query %q, expected label_values(selector, label)", query)
	}
	selector, t, err := l.translate(parts[1])
	if err != nil {
		return "", err
	}
	names := parts[2:]
	t.rename(names)
	return fmt.Sprintf("label_values(%s, %s)", selector, names[0]), nil
}
