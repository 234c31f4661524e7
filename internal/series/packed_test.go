package series

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// packedOf returns a series' copy of the values.
func packedOf(values ...string) *packed { return &newSeries(Plain(values...)).labels }

func TestPackedValuesOfAllLengths(t *testing.T) {
	lengths := []int{0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 23, 31, 32, 33, 48, 127, 128, 253, 254, 255, 256, 1000}
	text := strings.Repeat("abcdefghijklmnopqrstuvw", 50)
	for _, count := range []int{1, 2, 5, 8, 9, 16} {
		for i, length := range lengths {
			values := make([]string, count)
			for k := range values {
				values[k] = text[k : k+lengths[(i+k)%len(lengths)]]
			}
			values[count/2] = text[:length]
			p := packedOf(values...)
			checkPacked(t, p, values, values)

			// Every byte of a value, and its length, distinguish it from others.
			for k, v := range values {
				other := slices.Clone(values)
				other[k] = v + "x"
				checkPacked(t, p, values, other)
				for at := 0; at < len(v); at += 1 + len(v)/20 {
					other[k] = v[:at] + "X" + v[at+1:]
					checkPacked(t, p, values, other)
					other[k] = v[:at]
					checkPacked(t, p, values, other)
				}
				if k > 0 { // the same bytes, divided differently
					other[k], other[k-1] = "", values[k-1]+v
					checkPacked(t, p, values, other)
				}
			}
		}
	}
}

// checkPacked checks that p contains the values, and the results of comparing them with
// other values.
func checkPacked(t *testing.T, p *packed, values, other []string) {
	t.Helper()
	if got := p.append(nil); !slices.Equal(got, values) {
		t.Fatalf("got values %.200q, expected %.200q", got, values)
	}
	if n := p.valueBytes(); n != len(strings.Join(values, "")) {
		t.Fatalf("%.200q: got %d bytes of values", values, n)
	}
	own, others := Plain(values...), Plain(other...)
	own.rehash()
	others.rehash()
	want := slices.Equal(values, other)
	if !p.equal(own) || p.equal(others) != want || p.equalAny(others) != want {
		t.Fatalf("%.200q and %.200q: expected equality %v", values, other, want)
	}
	if same := own.hash == others.hash; same != want {
		t.Fatalf("%.200q and %.200q: expected equal hashes %v", values, other, want)
	}
	if got, want := sign(p.compare(packedOf(other...))), slices.Compare(values, other); got != want {
		t.Fatalf("%.200q and %.200q: got order %d, expected %d", values, other, got, want)
	}
}

func sign(n int) int { return min(max(n, -1), 1) }

func TestPackedValuesWithSpecialCharacters(t *testing.T) {
	pieces := []string{"", "x", "xy", "k", `"`, `\`, "\n", "n", `x"`, `x",b="`, `x",b="y`, `\n`, "1234567", "12345678", "12345678x", "12345679", "1234567890123456x", "1234567890123457x"}
	var all [][]string
	for _, a := range pieces {
		for _, b := range pieces {
			all = append(all, []string{a, b, "z"}, []string{"x", a, b})
		}
	}
	for _, have := range all {
		p := packedOf(have...)
		for _, other := range all {
			checkPacked(t, p, have, other)
		}
	}
}

// FuzzPacked compares the operations on packed values with those on slices.
func FuzzPacked(f *testing.F) {
	f.Add("linux\x00main\x00worker-1", "linux\x00main\x00worker-2")
	f.Add("aaaaaaaa\x00aaaaaaaaa", "aaaaaaaaa\x00aaaaaaaa")
	f.Add(strings.Repeat("x", 255), strings.Repeat("x", 254)+"\x00")
	f.Add("\"\\\n\x00", "")
	f.Fuzz(func(t *testing.T, first, second string) {
		a, b := strings.Split(first, "\x00"), strings.Split(second, "\x00")
		a = a[:min(len(a), 16)]
		for len(b) < len(a) {
			b = append(b, "")
		}
		b = b[:len(a)]
		checkPacked(t, packedOf(a...), a, b)
		l, err := newLayout(strings.Split("abcdefghijklmnop", "")[:len(a)], nil)
		if err != nil {
			t.Fatal(err)
		}
		labels := make([]Label, len(a))
		for i, v := range a {
			labels[i] = Label{l.names[i], v}
		}
		if got, want := string(l.append(nil, packedOf(a...))), LabelText(labels); got != want {
			t.Errorf("got labels %s, expected %s", got, want)
		}
	})
}

// TestHashesOfSimilarValues checks that the hashes of values between which clients can
// choose easily are distributed like random numbers: the expected number of pairs with
// the same 32 bits is n²/2³³.
func TestHashesOfSimilarValues(t *testing.T) {
	var all []*Values
	for i := range 50_000 {
		all = append(all, Plain("linux", "", fmt.Sprint("worker-", i)), Plain(fmt.Sprint(i), "main", "x"))
	}
	for i := range 17 * 17 * 17 { // the first and the last words of many are the same
		all = append(all, Plain(strings.Repeat("a", i%17), strings.Repeat("a", i/17%17), strings.Repeat("a", i/17/17)))
	}
	for range 20_000 {
		b := make([]byte, 1+rand.IntN(40))
		for i := range b {
			b[i] = "ab"[rand.IntN(2)]
		}
		all = append(all, Plain(string(b), "", ""))
	}
	seen := map[string]bool{}
	low, high := map[uint32]int{}, map[uint32]int{}
	pairs, n := 0, 0
	for _, values := range all {
		if text := strings.Join(values.All, "\x00"); !seen[text] {
			seen[text] = true
			values.rehash()
			pairs += low[uint32(values.hash)] + high[uint32(values.hash>>32)]
			low[uint32(values.hash)]++
			high[uint32(values.hash>>32)]++
			n++
		}
	}
	if expected := float64(n) * float64(n) / (1 << 32); float64(pairs) > 4*expected+20 {
		t.Errorf("%d pairs of %d hashes have half of their bits in common, expected about %.0f", pairs, n, expected)
	}
}
