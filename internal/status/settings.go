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

// SettingOf returns a flag and its value as they may be shown to anyone. A flag with
// the tag `secret:"true"` shows no value, and a URL no user information. Several values
// are separated by commas.
func SettingOf(name string, tag reflect.StructTag, value any) Setting {
	text := settingText(value)
	if tag.Get("secret") == "true" && text != "" {
		text = secret
	}
	return Setting{Name: shown(name), Value: shown(text)}
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

// withoutUserInfo replaces the user name and password of a URL.
func withoutUserInfo(text string) string {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok || !strings.Contains(rest, "@") {
		return text
	}
	u, err := url.Parse(text)
	if err == nil && u.User == nil {
		return text
	}
	// A password with characters that should be escaped reaches up to the last @.
	return scheme + "://" + secret + rest[strings.LastIndex(rest, "@"):]
}

// sortSettings sorts settings by name.
func sortSettings(list []Setting) []Setting {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b Setting) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// The length up to which the overview shows a text.
const (
	maxShownBytes      = 1 << 10
	maxShownErrorBytes = 4 << 10 // of the mapping file
)

// shown returns a text as the overview shows it.
func shown(text string) string { return excerpt.Cut(text, maxShownBytes) }
