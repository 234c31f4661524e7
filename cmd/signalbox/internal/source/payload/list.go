package payload

import (
	"errors"
	"iter"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/jsonscan"
)

// Elements returns the elements of a JSON array, each decoded by Unmarshal. It returns
// none for other values. Unlike a slice, it takes memory for one element at a time: an
// element of two bytes can be a large struct.
func Elements[T any](array []byte) iter.Seq[T] {
	return func(yield func(T) bool) {
		var s jsonscan.Scanner
		s.Reset(array)
		if s.Peek() != '[' {
			return
		}
		s.Elements(func() error { //nolint:errcheck // the elements after an error are lost
			s.Peek()
			start := s.Pos
			if err := s.SkipValue(); err != nil {
				return err
			}
			var element T
			if err := Unmarshal(array[start:s.Pos], &element); err != nil {
				return err
			}
			if !yield(element) {
				return errStop
			}
			return nil
		})
	}
}

var errStop = errors.New("the loop has ended")

// Texts are the elements of a JSON array, at most maxTexts. Those that are not strings
// are empty. Texts is nil for other values.
type Texts []string

// maxTexts is more than CI systems send, such as labels of a runner.
const maxTexts = 100

// UnmarshalJSON implements json.Unmarshaler. It returns no error.
func (t *Texts) UnmarshalJSON(value []byte) error {
	*t = nil
	if value[0] == '[' {
		*t = Texts{}
	}
	for text := range Elements[string](value) {
		if *t = append(*t, text); len(*t) == maxTexts {
			break
		}
	}
	return nil
}
