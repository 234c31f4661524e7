package jsonscan

// A ValueScan finds the end of a value in data that arrives in chunks. It recognizes
// only strings and brackets. In invalid JSON it may stop too early or too late; the
// value cannot be parsed in either case.
type ValueScan struct {
	bare     bool // a number or a word: neither quotes nor brackets
	depth    int
	inString bool
	escaped  bool
}

// NewValueScan returns a scan for a value that begins with the byte c.
func NewValueScan(c byte) ValueScan {
	return ValueScan{bare: c != '{' && c != '[' && c != '"'}
}

// Next scans the next chunk. It returns the number of bytes that belong to the value,
// and whether the value ends in the chunk.
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

// ValueEnd returns the offset of the end of the value that begins at start. If the
// value does not end in data, it returns len(data) and false.
func ValueEnd(data []byte, start int) (end int, ended bool) {
	if start == len(data) {
		return start, false
	}
	scan := NewValueScan(data[start])
	n, ended := scan.Next(data[start:])
	return start + n, ended
}

// SkipSpace returns the offset of the first byte at or after start that is not white
// space, or len(data).
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
