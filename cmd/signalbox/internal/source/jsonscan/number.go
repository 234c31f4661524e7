package jsonscan

// Number reads a number and returns its text.
func (s *Scanner) Number() ([]byte, error) {
	s.Peek()

	start := s.Pos
	if s.Pos < len(s.data) && s.data[s.Pos] == '-' {
		s.Pos++
	}
	if s.Pos < len(s.data) && s.data[s.Pos] == '0' {
		s.Pos++ // only a fraction or an exponent may follow
	} else if !s.digits() {
		return nil, s.unexpected("a digit")
	}
	if s.Pos < len(s.data) && s.data[s.Pos] == '.' {
		s.Pos++
		if !s.digits() {
			return nil, s.unexpected("a digit")
		}
	}
	if s.Pos < len(s.data) && (s.data[s.Pos] == 'e' || s.data[s.Pos] == 'E') {
		s.Pos++
		if s.Pos < len(s.data) && (s.data[s.Pos] == '+' || s.data[s.Pos] == '-') {
			s.Pos++
		}
		if !s.digits() {
			return nil, s.unexpected("a digit")
		}
	}
	return s.data[start:s.Pos], nil
}

// digits skips digits, and reports whether there were any.
func (s *Scanner) digits() bool {
	start := s.Pos
	for s.Pos < len(s.data) && '0' <= s.data[s.Pos] && s.data[s.Pos] <= '9' {
		s.Pos++
	}
	return s.Pos > start
}
