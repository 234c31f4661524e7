package main

import (
	"math"
	"testing"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{
		{[]float64{3}, 3},
		{[]float64{9, 1, 2}, 2},
		{[]float64{4, 1, 2, 9}, 3},
	} {
		if got := median(c.values); got != c.want {
			t.Errorf("median(%v) = %v, want %v", c.values, got, c.want)
		}
	}
	if got := median(nil); !math.IsNaN(got) {
		t.Errorf("median(nil) = %v, want NaN", got)
	}
	values := []float64{2, 1}
	if median(values); values[0] != 2 {
		t.Error("median sorted its argument")
	}
}

func TestPercentile(t *testing.T) {
	sorted := make([]int, 1000)
	for i := range sorted {
		sorted[i] = i + 1
	}
	for part, want := range map[float64]int{0.5: 500, 0.99: 990, 0.999: 999, 1: 1000, 0: 1} {
		if got := percentile(sorted, part); got != want {
			t.Errorf("percentile(sorted, %v) = %v, want %v", part, got, want)
		}
	}
	if got := percentile([]int{7}, 0.999); got != 7 {
		t.Errorf("percentile of one value = %v, want 7", got)
	}
}
