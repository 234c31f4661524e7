package status

import (
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
)

// secret replaces the value of a setting that must not be shown.
const secret = "<secret>"

// SettingOf returns a flag and its value. It replaces secrets with "<secret>": the
// value of a flag that has the tag `secret:"true"`, and the user information in URLs.
// It joins several values with commas.
func SettingOf(name string, tag reflect.StructTag, value any) Setting {
	text := settingText(value)
	if tag.Get("secret") == "true" && text != "" {
		text = secret
	}
	return Setting{Name: excerpt.Display(name), Value: excerpt.Display(text)}
}

func settingText(value any) string {
	var texts []string
	switch all := reflect.ValueOf(value); all.Kind() {
	case reflect.Map:
		for key, value := range all.Seq2() {
			texts = append(texts, fmt.Sprintf("%v=%s", key, withoutUserInfo(fmt.Sprint(value))))
		}
		slices.Sort(texts)
	case reflect.Slice:
		for _, value := range all.Seq2() {
			texts = append(texts, withoutUserInfo(fmt.Sprint(value)))
		}
	default:
		return withoutUserInfo(fmt.Sprint(value))
	}
	return strings.Join(texts, ",")
}

// withoutUserInfo returns the text, with the user name and password replaced if it is a
// URL.
func withoutUserInfo(text string) string {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok || !strings.Contains(rest, "@") {
		return text
	}
	u, err := url.Parse(text)
	if err == nil && u.User == nil {
		return text
	}
	// A password with unescaped characters ends at the last @.
	return scheme + "://" + secret + rest[strings.LastIndex(rest, "@"):]
}

// sortSettings returns the settings sorted by name.
func sortSettings(list []Setting) []Setting {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b Setting) int { return strings.Compare(a.Name, b.Name) })
	return list
}
