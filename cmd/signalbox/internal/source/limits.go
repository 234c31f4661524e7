package source

// Limits are the maximum sizes of input. Input that exceeds a limit is rejected with a
// reason that names the limit; it is never truncated. A zero means the default.
type Limits struct {
	// BodyBytes is the maximum size of a body after decompression. The default is
	// 64 MiB. It does not apply to standard input.
	BodyBytes int64

	// LineBytes is the maximum length of a line without its line ending, and of an
	// event that is an element of an array or a body by itself. The default is 1 MiB.
	LineBytes int

	// Attributes is the maximum number of attributes of an event. The default is 64.
	Attributes int

	// LabelValueBytes is the maximum length of an attribute's value, and of the names
	// of events, attributes and hosts. The default is 1 MiB: rules decide whether a
	// value that is too long for a label is rejected or cut.
	LabelValueBytes int
}

// WithDefaults returns the limits with zeros replaced by the defaults.
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
		l.LabelValueBytes = 1 << 20
	}
	return l
}
