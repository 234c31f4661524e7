package payload_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
)

// FuzzUnmarshal checks that Unmarshal stores the same as encoding/json, except that it
// does not ignore the case of names.
func FuzzUnmarshal(f *testing.F) {
	type object struct {
		Text    string          `json:"text"`
		Number  int             `json:"number"`
		Yes     *bool           `json:"yes"`
		ID      payload.ID      `json:"id"`
		Seconds payload.Seconds `json:"seconds"`
		Texts   payload.Texts   `json:"texts"`
		Raw     json.RawMessage `json:"raw"`
		Nested  struct {
			Text string `json:"text"`
		} `json:"nested"`
		Pointer *struct {
			Text string `json:"text"`
		} `json:"pointer"`
		Embedded
		Another
	}
	for _, seed := range []string{
		`{"text":"a","number":5,"yes":true,"id":7,"seconds":1.5,"texts":["a",1],"raw":[{}],"nested":{"text":"b"},"pointer":{"text":"c"},"inner":"d","another":"e"}`,
		` {"text":"\n\"","other":[{"text":"x"},"]"],"nested":{"x":1,"text":null},"pointer":null,"raw":null,"yes":null} `,
		`{"text":{},"number":"x","yes":5,"id":[],"seconds":{},"texts":{},"nested":[],"pointer":5}`,
		`{"pointer":{"text":"a"},"pointer":{},"nested":{"text":"a"},"nested":{}}`,
		"{\"text\":\"\xff\"}", `{"text":"\ud800"}`, `null`, `[]`, `{}`, ``, `{"number":1e999}`, `{} {}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var got, want object
		gotErr := payload.Unmarshal(body, &got)
		if !json.Valid(body) {
			return // Unmarshal can skip what is damaged
		}
		if gotErr != nil {
			t.Fatalf("got the error %v", gotErr)
		}
		if !bytes.Equal(bytes.ToLower(body), body) || bytes.Contains(body, []byte(`\u00`)) {
			return // a name could differ in its case
		}
		json.Unmarshal(body, &want) //nolint:errcheck // only errors about types are left
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, expected %+v", got, want)
		}
	})
}
