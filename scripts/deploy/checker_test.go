package main

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
)

// check returns the labels of the series that a query returns. It fails if the query
// names metrics or labels that do not exist. It follows the query as Prometheus does,
// so a label that an aggregation removes does not exist outside the aggregation.
func (v vocabulary) check(query string) (labelSet, error) {
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(withoutIntervals(query))
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

// require reports each name that is not among the labels as an error.
func (c *checker) require(where string, has labelSet, names ...string) {
	for _, name := range names {
		if !has[name] {
			c.errs = append(c.errs, fmt.Errorf("%s: got the label %q, expected one of %q", where, name, slices.Sorted(maps.Keys(has))))
		}
	}
}

// labels returns the labels of the series that an expression returns.
func (c *checker) labels(expr parser.Expr) labelSet {
	switch e := expr.(type) {
	case *parser.VectorSelector:
		has, ok := c.vocabulary[e.Name]
		if !ok {
			c.errs = append(c.errs, fmt.Errorf("unknown metric %q", e.Name))
			return labelSet{}
		}
		for _, m := range e.LabelMatchers {
			if m.Name != model.MetricNameLabel {
				c.require(e.Name, has, m.Name)
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
	c.require(e.Op.String(), has, e.Grouping...)
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
	c.require(e.Op.String(), left, matching.MatchingLabels...)
	c.require(e.Op.String(), right, matching.MatchingLabels...)
	many, one := left, right
	if matching.Card == parser.CardOneToMany {
		many, one = right, left
	}
	c.require("group", one, matching.Include...)

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
		c.require(e.Func.Name, has, e.Args[3].(*parser.StringLiteral).Val)
		has[e.Args[1].(*parser.StringLiteral).Val] = true
	case "histogram_quantile":
		c.require(e.Func.Name, has, "le")
		delete(has, "le")
	case "absent", "absent_over_time", "vector", "time":
		return labelSet{}
	}
	return has
}

// checkLegend fails if a legend names labels that the series do not have.
func checkLegend(legend string, has labelSet) error {
	c := checker{}
	for _, reference := range labelReference.FindAllStringSubmatch(legend, -1) {
		c.require(fmt.Sprintf("legend %q", legend), has, reference[1])
	}
	return errors.Join(c.errs...)
}

// templateLabel matches a label in the annotation of an alert.
var templateLabel = regexp.MustCompile(`\$labels\.(\w+)`)

// checkTemplate fails if an annotation names labels that the alert does not have.
func checkTemplate(template string, has labelSet) error {
	c := checker{}
	for _, reference := range templateLabel.FindAllStringSubmatch(template, -1) {
		c.require(fmt.Sprintf("annotation %q", template), has, reference[1])
	}
	return errors.Join(c.errs...)
}

// checkVariable checks the query of a dashboard's variable.
func (v vocabulary) checkVariable(query string) error {
	parts := labelValues.FindStringSubmatch(query)
	if parts == nil {
		return fmt.Errorf("got query %q, expected label_values(selector, label)", query)
	}
	has, err := v.check(parts[1])
	if err != nil {
		return err
	}
	c := checker{}
	c.require("label_values", has, strings.TrimSpace(parts[2]))
	return errors.Join(c.errs...)
}
