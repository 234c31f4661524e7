package rule_test

import (
	"fmt"

	"github.com/signalbox-ci/signalbox/emitter/rule"
)

// The example in the package documentation, and the error of an invalid rule.
func Example() {
	deployments := rule.Rule{
		Event:     "deploy finished",
		Metric:    "deploys_total",
		Type:      rule.Counter,
		Operation: rule.Inc,
		Help:      "Number of finished deployments, by environment.",
		Labels: []rule.Label{
			{Name: "environment", Attribute: "env", Required: rule.Present},
		},
	}
	fmt.Println(deployments.Validate())

	deployments.Operation = rule.Set
	for _, e := range deployments.Validate() {
		fmt.Printf("%s: %s\n", e.Field, e.Reason)
	}
	// Output:
	// []
	// operation: operation "set" is not valid for a counter: expected add or inc
}
