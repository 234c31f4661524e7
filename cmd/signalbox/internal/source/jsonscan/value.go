package jsonscan

// A ValueScan finds the end of a value in data that come in chunks. It knows no more
// of JSON than strings and brackets: where the value is broken it may stop too early
// or too late, but then the value cannot be parsed.
type ValueScan struct {
	bare     bool // neither string nor brackets around it: a number, a word
	depth    int
	inString bool
	escaped  bool
}

// NewValueScan returns the scan of a value that begins with the byte c.
func NewValueScan(c byte) ValueScan {
	return ValueScan{bare: c != '{' && c != '[' && c != '"'}
}

// Next scans the next chunk. It returns how many bytes of it belong to the value, and
// whether the value ends there.
func (v *ValueScan) Next(chunk []byte) (n int, done bool) {
	for i := 0; i < len(chunk); i++ {
		if v.bare {
			switch chunk[i] {
			case ',', ']', '}', ' ', '\t', '\r', '\n':
				return i, true
			}
			continue
		}
		if v.escaped {
			v.escaped = false
			continue
		}
		if v.inString {
			for i < len(chunk) && chunk[i] != '"' && chunk[i] != '\\' {
				i++
			}
			if i == len(chunk) {
				break
			}
			v.escaped = chunk[i] == '\\'
			v.inString = v.escaped
			if !v.inString && v.depth == 0 {
				return i + 1, true
			}
			continue
		}
		switch chunk[i] {
		case '"':
			v.inString = true
		case '{', '[':
			v.depth++
		case '}', ']':
			v.depth--
			if v.depth == 0 {
				return i + 1, true
			}
		}
	}
	return len(chunk), false
}

// ValueEnd returns the offset of the end of the value that begins at the offset start.
// If data end before it, that is their end, and ended is false.
func ValueEnd(data []byte, start int) (end int, ended bool) {
	if start == len(data) {
		return start, false
	}
	scan := NewValueScan(data[start])
	n, ended := scan.Next(data[start:])
	return start + n, ended
}

// SkipSpace returns the offset of the first byte from start on that is not white
// space, or the length of data.
func SkipSpace(data []byte, start int) int {
	for start < len(data) {
		switch data[start] {
		case ' ', '\t', '\n', '\r':
			start++
		default:
			return start
		}
	}
	return start
}
