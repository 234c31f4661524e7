package jsonscan_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/jsonscan"
)

func TestValueEnd(t *testing.T) {
	for _, c := range []struct {
		data  string
		start int
		end   int
		ended bool
	}{
		{`{"a":[1,"}]"]},`, 0, 14, true},
		{`"a\"b" ,`, 0, 6, true},
		{`[12,3]`, 1, 3, true},
		{`12`, 0, 2, false},
		{`{"a":`, 0, 5, false},
		{`"a\`, 0, 3, false},
		{``, 0, 0, false},
	} {
		if end, ended := jsonscan.ValueEnd([]byte(c.data), c.start); end != c.end || ended != c.ended {
			t.Errorf("%s from %d: got %d, %v, expected %d, %v", c.data, c.start, end, ended, c.end, c.ended)
		}
	}
}

func TestCheck(t *testing.T) {
	if err := jsonscan.Check([]byte(` {"a": 1} `)); err != nil {
		t.Error(err)
	}
	for data, want := range map[string]jsonscan.SyntaxError{
		`{"a": `:                    {Offset: 6, Reason: "not JSON: got the end of the input, expected a value", Unfinished: true},
		`{"a": xyz}`:                {Offset: 6, Reason: `not JSON: got "xyz", expected a value`},
		`{"a": trux}`:               {Offset: 9, Reason: `not JSON: got "trux", expected a value`},
		`{"a" 1}`:                   {Offset: 5, Reason: `not JSON: got "1", expected a colon`},
		`[1 2]`:                     {Offset: 3, Reason: `not JSON: got "2", expected a comma or the end of the array`},
		`1 2`:                       {Offset: 2, Reason: `not JSON: got "2", expected the end of the input`},
		`"a`:                        {Offset: 2, Reason: "not JSON: unterminated string", Unfinished: true},
		`["\q"]`:                    {Offset: 3, Reason: `invalid escape sequence "\\q" in a string`},
		"[\"\n\"]":                  {Offset: 2, Reason: `not JSON: unescaped control character "\n" in a string`},
		`[1.]`:                      {Offset: 3, Reason: `not JSON: got "]", expected a digit`},
		`[01]`:                      {Offset: 2, Reason: `not JSON: got "1", expected a comma or the end of the array`},
		``:                          {Offset: 0, Reason: "not JSON: got the end of the input, expected a value", Unfinished: true},
		strings.Repeat("[", 20_000): {Offset: 10_000, Reason: "not JSON: got more than 10000 nested values"},
	} {
		if err := jsonscan.Check([]byte(data)); err == nil || *err != want {
			t.Errorf("%s: got %+v, expected %+v", data, err, want)
		}
	}
}

// A caller can skip a value that it could not read, and continue after it.
func TestScannerContinuesAfterSkippedValue(t *testing.T) {
	var s jsonscan.Scanner
	if !s.Reset([]byte(` [ "\ud800" , {"b": [2]}, "\u00e9" ] `)) {
		t.Error("Reset reported invalid UTF-8")
	}
	var texts []string
	err := s.Elements(func() error {
		start := s.Pos
		text, err := s.Text()
		if err != nil {
			if _, ok := errors.AsType[*jsonscan.SyntaxError](err); !ok {
				t.Errorf("got %T, expected a SyntaxError", err)
			}
			s.Pos = start
			return s.SkipValue()
		}
		texts = append(texts, string(text))
		return nil
	})
	if err != nil || s.End() != nil {
		t.Error(err, s.End())
	}
	if len(texts) != 1 || texts[0] != "é" {
		t.Errorf("got %q", texts)
	}
}
