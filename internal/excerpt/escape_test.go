package excerpt_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
)

func TestEscapeReplacesHiddenCharacters(t *testing.T) {
	for _, c := range []struct{ what, text, want, wantJSON string }{
		{"ASCII", `a \b "c"`, `a \b "c"`, ``},
		{"other scripts", "grün 日本 עברית 😀 é", "grün 日本 עברית 😀 é", ``},
		{"C0 controls", "a\x1b[31m\n\t\x00\x7f", `a\x1b[31m\n\t\x00\x7f`, ``},
		{"C1 controls", "a\u009b31m\u0085", `a\u009b31m\u0085`, `a\u009b31m\u0085`},
		{"bidirectional controls", "\u202e\u2066\u200f\u061c", `\u202e\u2066\u200f\u061c`, `\u202e\u2066\u200f\u061c`},
		{"no width", "a\u200b\u200d\ufeff\u2060\u00ad", `a\u200b\u200d\ufeff\u2060\u00ad`, `a\u200b\u200d\ufeff\u2060\u00ad`},
		{"line separators", "\u2028\u2029", `\u2028\u2029`, `\u2028\u2029`},
		{"other spaces", "\u00a0\u3000", `\u00a0\u3000`, `\u00a0\u3000`},
		{"fillers", "\u115f\u3164\uffa0\u2800\u034f", `\u115f\u3164\uffa0\u2800\u034f`, `\u115f\u3164\uffa0\u2800\u034f`},
		{"variation selectors", "a\ufe0f\U000e0100", `a\ufe0f\U000e0100`, `a\ufe0f\udb40\udd00`},
		{"tags", "\U000e0041", `\U000e0041`, `\udb40\udc41`},
		{"private use", "\ue000", `\ue000`, `\ue000`},
		{"not UTF-8", "a\xff\x9b\ufffd", `a\xff\x9b` + "\ufffd", ``},
	} {
		if got := excerpt.Escape(c.text); got != c.want {
			t.Errorf("%s: got %s, expected %s", c.what, got, c.want)
		}
		if got := excerpt.Quote(c.text); firstHidden(got) >= 0 {
			t.Errorf("%s: Quote returned %+q", c.what, got)
		}
		if got := excerpt.Display(c.text); got != c.want {
			t.Errorf("%s: Display returned %s, expected %s", c.what, got, c.want)
		}
		if c.wantJSON != "" {
			encoded := excerpt.EscapeJSON([]byte(`{"a": "` + c.text + `"}` + "\n"))
			if want := `{"a": "` + c.wantJSON + `"}` + "\n"; string(encoded) != want {
				t.Errorf("%s: got %s, expected %s", c.what, encoded, want)
			}
		}
	}
}

// firstHidden returns the index of the first character of text that is invisible
// according to Unicode, or -1.
func firstHidden(text string) int {
	return strings.IndexFunc(text, func(r rune) bool {
		return !unicode.IsGraphic(r) ||
			unicode.In(r, unicode.Bidi_Control, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
	})
}

func TestEscapeLeavesPlainTextAlone(t *testing.T) {
	text, encoded := "builds started in grün", []byte(`{"name": "grün"}`)
	if n := testing.AllocsPerRun(10, func() { excerpt.Escape(text) }); n != 0 {
		t.Errorf("got %v allocations, expected none", n)
	}
	if got := excerpt.EscapeJSON(encoded); &got[0] != &encoded[0] {
		t.Error("EscapeJSON copied a text without hidden characters")
	}
}

func FuzzEscape(f *testing.F) {
	for _, text := range []string{"a\u202eb", "\xff\n", `"\`, "\U000e0041", "\ufffd"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		escaped := excerpt.Escape(text)
		if i := firstHidden(escaped); i >= 0 || !utf8.ValidString(escaped) {
			t.Errorf("%+q: got %+q, which has a hidden character", text, escaped)
		}
		if again := excerpt.Escape(escaped); again != escaped {
			t.Errorf("%+q: escaped twice, got %+q and %+q", text, escaped, again)
		}

		encoded, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		var want, got string
		json.Unmarshal(encoded, &want) //nolint:errcheck // valid
		safe := excerpt.EscapeJSON(encoded)
		if err := json.Unmarshal(safe, &got); err != nil || got != want {
			t.Errorf("%s: got %q and error %v, expected %q", safe, got, err, want)
		}
		if i := firstHidden(string(safe)); i >= 0 {
			t.Errorf("got %+q, which has a hidden character", safe)
		}
	})
}
