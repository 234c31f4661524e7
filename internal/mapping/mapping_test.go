package mapping

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/signalbox-ci/signalbox/emitter/rule"
)

func TestDocumentationNamesEveryField(t *testing.T) {
	text, err := os.ReadFile("../../docs/mapping.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, typ := range []reflect.Type{
		reflect.TypeFor[mappingFile](), reflect.TypeFor[metricChange](), reflect.TypeFor[rule.Rule](),
		reflect.TypeFor[rule.Label](), reflect.TypeFor[rule.Replacement](), reflect.TypeFor[rule.Condition](),
	} {
		for _, field := range fieldsOf(typ) {
			if !strings.Contains(string(text), "`"+field+"`") {
				t.Errorf("field %q of %v is not documented", field, typ)
			}
		}
	}
}

func TestAliasBombIsRejected(t *testing.T) {
	content := "rules:\n - &r {event: e, metric: m, labels: &l [" + strings.Repeat("{name: a},", 1000) + "]}\n" +
		strings.Repeat(" - *r\n", 10_000)
	err := Source{File: "m.yml", Namespace: "ci"}.Parse([]byte(content)).Err(nil)
	if !strings.Contains(fmt.Sprint(err), "the file has too many values") {
		t.Errorf("got %v", err)
	}
}
