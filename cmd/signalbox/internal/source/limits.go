package source

// Limits are the maximum sizes of input. Input beyond a limit is rejected, with a
// reason that names the limit; it is never truncated.
type Limits struct {
	// BodyBytes is the size of a body after decompression. 0 means 64 MiB. It does not
	// apply to standard input.
	BodyBytes int64

	// LineBytes is the length of a line without its line ending, and of an event in an
	// array or by itself. 0 means 1 MiB.
	LineBytes int

	// Attributes is the number of attributes of an event. 0 means 64.
	Attributes int

	// LabelValueBytes is the length of an attribute's value, and of the names of
	// events, attributes and hosts. 0 means 4 KiB.
	LabelValueBytes int
}

// WithDefaults returns the limits with defaults in place of zeros.
func (l Limits) WithDefaults() Limits {
	if l.BodyBytes == 0 {
		l.BodyBytes = 64 << 20
	}
	if l.LineBytes == 0 {
		l.LineBytes = 1 << 20
	}
	if l.Attributes == 0 {
		l.Attributes = 64
	}
	if l.LabelValueBytes == 0 {
		l.LabelValueBytes = 4 << 10
	}
	return l
}
