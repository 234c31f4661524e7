package reply

import (
	"net/http/httptest"
	"strings"
	"testing"
)

func TestInputIsQuotedAndCutShort(t *testing.T) {
	long := strings.Repeat("é", 40)
	for _, test := range []struct{ got, want string }{
		{Quote("a\n"), `"a\n"`},
		{Quote([]byte("\xff")), `"\xff"`},
		{Quote(long), `"` + long[:64] + `"…`},
		{Quote("x" + long), `"x` + long[:62] + `"…`},
		{Shorten("1.5"), "1.5"},
		{Shorten([]byte("x" + long)), "x" + long[:62] + "…"},
		{Shorten(strings.Repeat("x", 64)), strings.Repeat("x", 64)},
		{Shorten(strings.Repeat("\xbf", 70)), strings.Repeat("\xbf", 60) + "…"},
	} {
		if test.got != test.want {
			t.Errorf("got %s, want %s", test.got, test.want)
		}
	}
}

func TestRefuse(t *testing.T) {
	w := httptest.NewRecorder()
	Refuse(w, 404, "<nothing>")
	if w.Code != 404 || w.Body.String() != "{\"error\":\"<nothing>\"}\n" || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("got %d %s %v", w.Code, w.Body, w.Header())
	}
}
