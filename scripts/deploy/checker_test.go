package main

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// check tells which labels the series have that a query gives, or which metrics and
// labels the query names that there are not. It goes through the query as Prometheus
// does, so that a label which an aggregation has taken away is missed above it.
func (v vocabulary) check(query string) (labelSet, error) {
	expr, err := parser.ParseExpr(withoutIntervals(query))
	if err != nil {
		return nil, fmt.Errorf("query %q: %w", query, err)
	}
	c := checker{vocabulary: v}
	given := c.labels(expr)
	if err := errors.Join(c.errs...); err != nil {
		return nil, fmt.Errorf("query %q: %w", query, err)
	}
	return given, nil
}

type checker struct {
	vocabulary vocabulary
	errs       []error
}

// want tells of each name that is not among the labels.
func (c *checker) want(where string, has labelSet, names ...string) {
	for _, name := range names {
		if !has[name] {
			c.errs = append(c.errs, fmt.Errorf("%s names the label %q, want one of %q", where, name, slices.Sorted(maps.Keys(has))))
		}
	}
}

// labels are those of the series that an expression gives.
func (c *checker) labels(expr parser.Expr) labelSet {
	switch e := expr.(type) {
	case *parser.VectorSelector:
		has, ok := c.vocabulary[e.Name]
		if !ok {
			c.errs = append(c.errs, fmt.Errorf("there is no metric %q", e.Name))
			return labelSet{}
		}
		for _, m := range e.LabelMatchers {
			if m.Name != labels.MetricName {
				c.want(e.Name, has, m.Name)
			}
		}
		return maps.Clone(has)
	case *parser.MatrixSelector:
		return c.labels(e.VectorSelector)
	case *parser.SubqueryExpr:
		return c.labels(e.Expr)
	case *parser.ParenExpr:
		return c.labels(e.Expr)
	case *parser.UnaryExpr:
		return c.labels(e.Expr)
	case *parser.AggregateExpr:
		return c.aggregated(e)
	case *parser.BinaryExpr:
		return c.combined(e)
	case *parser.Call:
		return c.called(e)
	}
	return labelSet{} // a number or a string
}

func (c *checker) aggregated(e *parser.AggregateExpr) labelSet {
	has := c.labels(e.Expr)
	c.want(e.Op.String(), has, e.Grouping...)
	switch {
	case e.Op == parser.TOPK || e.Op == parser.BOTTOMK:
		return has
	case e.Without:
		for _, name := range e.Grouping {
			delete(has, name)
		}
		return has
	}
	return labelsOf(e.Grouping...)
}

func (c *checker) combined(e *parser.BinaryExpr) labelSet {
	left, right := c.labels(e.LHS), c.labels(e.RHS)
	matching := e.VectorMatching
	switch {
	case e.LHS.Type() == parser.ValueTypeScalar:
		return right
	case e.RHS.Type() == parser.ValueTypeScalar || matching == nil:
		return left
	}
	c.want(e.Op.String(), left, matching.MatchingLabels...)
	c.want(e.Op.String(), right, matching.MatchingLabels...)
	many, one := left, right
	if matching.Card == parser.CardOneToMany {
		many, one = right, left
	}
	c.want("group", one, matching.Include...)

	switch {
	case e.Op == parser.LOR:
		maps.Copy(left, right)
		return left
	case e.Op.IsSetOperator():
		return left
	case matching.Card != parser.CardOneToOne:
		maps.Copy(many, labelsOf(matching.Include...))
		return many
	case matching.On:
		return labelsOf(matching.MatchingLabels...)
	}
	if !maps.Equal(left, right) && len(matching.MatchingLabels) == 0 {
		c.errs = append(c.errs, fmt.Errorf("%s never matches: one side has the labels %q, the other %q",
			e.Op, slices.Sorted(maps.Keys(left)), slices.Sorted(maps.Keys(right))))
	}
	for _, name := range matching.MatchingLabels {
		delete(left, name)
	}
	return left
}

func (c *checker) called(e *parser.Call) labelSet {
	has := labelSet{}
	for _, argument := range e.Args {
		if argument.Type() == parser.ValueTypeVector || argument.Type() == parser.ValueTypeMatrix {
			has = c.labels(argument)
		}
	}
	switch e.Func.Name {
	case "label_replace":
		c.want(e.Func.Name, has, e.Args[3].(*parser.StringLiteral).Val)
		has[e.Args[1].(*parser.StringLiteral).Val] = true
	case "histogram_quantile":
		c.want(e.Func.Name, has, "le")
		delete(has, "le")
	case "absent", "absent_over_time", "vector", "time":
		return labelSet{}
	}
	return has
}

// checkLegend tells which labels a legend names that the series do not have.
func checkLegend(legend string, has labelSet) error {
	c := checker{}
	for _, reference := range labelReference.FindAllStringSubmatch(legend, -1) {
		c.want(fmt.Sprintf("legend %q", legend), has, reference[1])
	}
	return errors.Join(c.errs...)
}

// templateLabel is how the annotation of an alert names a label.
var templateLabel = regexp.MustCompile(`\$labels\.(\w+)`)

// checkTemplate tells which labels an annotation names that the alert does not have.
func checkTemplate(template string, has labelSet) error {
	c := checker{}
	for _, reference := range templateLabel.FindAllStringSubmatch(template, -1) {
		c.want(fmt.Sprintf("annotation %q", template), has, reference[1])
	}
	return errors.Join(c.errs...)
}

// checkVariable tells what is wrong with the query of a dashboard's variable.
func (v vocabulary) checkVariable(query string) error {
	parts := labelValues.FindStringSubmatch(query)
	if parts == nil {
		return fmt.Errorf("query %q: want label_values(selector, label)", query)
	}
	has, err := v.check(parts[1])
	if err != nil {
		return err
	}
	c := checker{}
	c.want("label_values", has, strings.TrimSpace(parts[2]))
	return errors.Join(c.errs...)
}
