package main

import "testing"

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 0.0302: "0.0302", 0.42: "0.42", 1: "1", 1.5: "1.5", 1.234: "1.23", 16.34: "16.3", 99.94: "99.9",
		99.96: "100", 120: "120", 1234.5: "1,235", 1e6: "1,000,000", -1234: "-1,234", 9.996: "10",
	} {
		if got := number(v); got != want {
			t.Errorf("number(%v) = %q, want %q", v, got, want)
		}
	}
}

func TestWithRange(t *testing.T) {
	for _, c := range []struct {
		values []float64
		unit   string
		want   string
	}{
		{[]float64{123, 110, 140}, "ns", "123 ns (110–140)"},
		{[]float64{11.9e9, 11.7e9, 12.4e9}, "ns", "11.9 s (11.7–12.4)"},
		{[]float64{0.5, 0.25, 1}, "ms", "500 µs (250–1,000)"},
		{[]float64{0}, "ns", "0 ns"},
		{[]float64{7, 7}, "B/series", "7 B/series"},
		{[]float64{5.5, 5, 6}, "million events/s", "5.5 million events/s (5–6)"},
	} {
		if got := withRange(c.values, c.unit); got != c.want {
			t.Errorf("withRange(%v, %q) = %q, want %q", c.values, c.unit, got, c.want)
		}
	}
}

func TestBytesText(t *testing.T) {
	for n, want := range map[float64]string{0: "0 B", 240: "240 B", 1010: "1.01 kB", 1e6: "1 MB", 2.5e9: "2.5 GB"} {
		if got := bytesText(n); got != want {
			t.Errorf("bytesText(%v) = %q, want %q", n, got, want)
		}
	}
}
