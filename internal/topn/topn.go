// Package topn selects, from a long sequence, the n elements that come first in an
// order that the caller defines. Its memory usage is proportional to n, not to the
// length of the sequence.
package topn

import (
	"container/heap"
	"slices"
)

// A Selection keeps those n of the added elements that come first in its order. It is
// not safe for concurrent use.
type Selection[T any] struct {
	n    int
	kept worstFirst[T]
}

// New returns an empty Selection for at most n elements. If n is not positive, the
// Selection remains empty. compare defines the order, as in slices.SortFunc.
func New[T any](n int, compare func(a, b T) int) *Selection[T] {
	return &Selection[T]{n: n, kept: worstFirst[T]{compare: compare}}
}

// Add adds an element, unless the Selection already has n elements that precede it.
func (s *Selection[T]) Add(v T) {
	if len(s.kept.elements) < s.n {
		heap.Push(&s.kept, v)
	} else if s.n > 0 && s.kept.compare(v, s.kept.elements[0]) < 0 {
		s.kept.elements[0] = v
		heap.Fix(&s.kept, 0)
	}
}

// Sorted returns the elements in order. The caller must not call Add afterwards.
func (s *Selection[T]) Sorted() []T {
	slices.SortFunc(s.kept.elements, s.kept.compare)
	return s.kept.elements
}

// worstFirst implements heap.Interface. The last element in order is at the top.
type worstFirst[T any] struct {
	elements []T
	compare  func(a, b T) int
}

func (w worstFirst[T]) Len() int           { return len(w.elements) }
func (w worstFirst[T]) Less(i, j int) bool { return w.compare(w.elements[i], w.elements[j]) > 0 }
func (w worstFirst[T]) Swap(i, j int)      { w.elements[i], w.elements[j] = w.elements[j], w.elements[i] }
func (w *worstFirst[T]) Push(v any)        { w.elements = append(w.elements, v.(T)) }

func (w *worstFirst[T]) Pop() any { panic("topn: a Selection does not remove elements") }
