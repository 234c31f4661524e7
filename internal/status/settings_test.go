package status

import (
	"reflect"
	"strings"
	"testing"
)

func TestSettingsHideSecrets(t *testing.T) {
	for _, c := range []struct {
		tag   reflect.StructTag
		value any
		want  string
	}{
		{"", 19391, "19391"},
		{"", "/run/token", "/run/token"},
		{`secret:"true"`, "hunter2", "<secret>"},
		{`secret:"true"`, []string{"a", "b"}, "<secret>"},
		{`secret:"true"`, "", ""},
		{"", "http://db:8086/write?db=ci", "http://db:8086/write?db=ci"},
		{"", "https://ci:8080/x@y", "https://ci:8080/x@y"},
		{"", "http://ci:hunter2@db:8086/", "http://<secret>@db:8086/"},
		{"", "http://ci:h@un/ter2@db:8086/", "http://<secret>@db:8086/"},
		{"", "http://ci:a%zz@db:8086/", "http://<secret>@db:8086/"}, // not a URL
		{"", "https://abc@errors.example/1", "https://<secret>@errors.example/1"},
		{"", []string{"redis://:one@a", "redis://u:two@b"}, "redis://<secret>@a,redis://<secret>@b"},
		{"", map[string]string{"b": "x", "a": "http://u:p@h"}, "a=http://<secret>@h,b=x"},
		{"", "me@example.org", "me@example.org"},
		{"", strings.Repeat("x", 2000), strings.Repeat("x", 1021) + "…"},
	} {
		if got := SettingOf("flag", c.tag, c.value); got != (Setting{"flag", c.want}) {
			t.Errorf("%s %v: got %q, expected %q", c.tag, c.value, got.Value, c.want)
		}
	}
}
