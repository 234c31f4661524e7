package excerpt_test

import (
	"strings"
	"testing"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
)

func TestShortTextIsNotCut(t *testing.T) {
	for _, text := range []string{"", "a", "grün", strings.Repeat("x", excerpt.MaxQuoted)} {
		for name, got := range map[string]string{
			"Prefix": excerpt.Prefix(text, len(text)),
			"Cut":    excerpt.Cut(text, len(text)),
			"Short":  excerpt.Short([]byte(text)),
		} {
			if got != text {
				t.Errorf("%s(%q) = %q", name, text, got)
			}
		}
		if got := excerpt.Quote(text); got != `"`+text+`"` {
			t.Errorf("Quote(%q) = %s", text, got)
		}
	}
}

func TestLongTextIsCutBetweenCharacters(t *testing.T) {
	euros := strings.Repeat("€", 30) // 90 bytes
	for _, c := range []struct{ what, got, want string }{
		{"Prefix within a character", excerpt.Prefix("a€", 3), "a"},
		{"Prefix before a character", excerpt.Prefix("a€", 1), "a"},
		{"Prefix of length zero", excerpt.Prefix("€", 0), ""},
		{"Prefix of bytes that are not UTF-8", excerpt.Prefix("\xa0\xa0\xa0", 2), ""},
		{"Cut within a character", excerpt.Cut("a€bcdef", 6), "a…"},
		{"Cut with room for the ellipsis", excerpt.Cut("abcdefgh", 7), "abcd…"},
		{"Short", excerpt.Short(euros), strings.Repeat("€", 21) + "…"},
		{"Quote", excerpt.Quote(euros), `"` + strings.Repeat("€", 21) + `"…`},
		{"Quote of bytes to escape", excerpt.Quote("\xff\n"), `"\xff\n"`},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %q, expected %q", c.what, c.got, c.want)
		}
	}
}

func TestKeptTextIsACopyInUTF8(t *testing.T) {
	for _, c := range []struct {
		text string
		max  int
		want string
	}{{"abc", 2, "ab"}, {"a\xffb", 10, "a\uFFFDb"}, {"a€", 3, "a"}, {"", 5, ""}} {
		if got := excerpt.Keep(c.text, c.max); got != c.want {
			t.Errorf("Keep(%q, %d): got %q, expected %q", c.text, c.max, got, c.want)
		}
	}
	large := strings.Repeat("x", 1<<20)
	if n := testing.AllocsPerRun(10, func() { excerpt.Keep(large, 100) }); n != 1 {
		t.Errorf("got %v allocations, expected 1 for the copy", n)
	}
}

func TestDisplay(t *testing.T) {
	if got := excerpt.Display(strings.Repeat("ü", 600)); got != strings.Repeat("ü", 510)+"…" {
		t.Errorf("got %d bytes, expected 510 characters and an ellipsis", len(got))
	}
}
