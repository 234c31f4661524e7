package events

import (
	"bytes"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/jsonscan"
)

// An unwrapper extracts the lines that a web node wrote from the lines of a log in
// which other programs have put something around them:
//
//	2026-01-02T15:04:05.1Z stdout F {"timestamp":…}                   CRI (containerd, CRI-O)
//	{"log":"{\"timestamp\":…}\n","stream":"stdout","time":"…"}        Docker, json-file
//	{"__CURSOR":"…","MESSAGE":"{\"timestamp\":…}"}                    journalctl -o json
//	{"__CURSOR":"…","MESSAGE":[27,91,51,…]}                           the same, if it is not printable
//	web-1  | {"timestamp":…}                                          any other prefix
//
// CRI and Docker split lines of more than 16 KiB. A CRI line that continues in the next
// one of its stream has the tag P instead of F; in Docker's format, it does not end in
// a newline. The unwrapper joins the parts.
//
// The zero value is not valid. An unwrapper is not safe for concurrent use.
type unwrapper struct {
	limit   int  // maximum length of a joined line
	keepRaw bool // whether logLine.raw is needed

	// begun contains the beginnings of lines, by stream. isOpen reports whether there
	// is one.
	begun  [2]logLine
	isOpen [2]bool

	// docker and object read JSON. Each has a buffer for what it returns.
	docker, object jsonscan.Scanner

	message []byte // buffer for what fromNumbers returns
}

// A logLine is a line that a program wrote to a log.
type logLine struct {
	text []byte // the line, or its beginning if it is too long

	// raw contains the lines of the log from which the line was extracted, without the
	// last line ending. It is nil if all of them have been copied already.
	raw []byte

	tooLong bool
}

// The streams of a container.
const stdout, stderr = 0, 1

// next returns the line that a line of the log contains or completes. If the line is to
// be continued, complete is false; if it is too long already, the result then has the
// raw text that has not been returned before. The result is valid until the next call.
func (u *unwrapper) next(line []byte) (result logLine, complete bool) {
	stream, text, ends, ok := u.part(line)
	if !ok {
		return logLine{text: u.content(line), raw: line}, true
	}

	if ends && !u.isOpen[stream] {
		return logLine{text: u.content(text), raw: line}, true
	}
	u.isOpen[stream] = true
	b := &u.begun[stream]
	b.tooLong = b.tooLong || len(b.text)+len(text) > u.limit || len(b.raw)+len(line) > 2*u.limit
	b.text = append(b.text, text[:min(len(text), max(0, u.limit-len(b.text)))]...)
	if u.keepRaw {
		if len(b.raw) > 0 {
			b.raw = append(b.raw, '\n')
		}
		b.raw = append(b.raw, line...)
	}
	switch {
	case ends:
		result, _ = u.take(stream)
		return result, true
	case b.tooLong:
		result.raw = b.raw
		b.raw = b.raw[:0]
	}
	return result, false
}

// take returns the line that has begun in a stream, and forgets it. It returns false if
// there is none.
func (u *unwrapper) take(stream int) (line logLine, ok bool) {
	if !u.isOpen[stream] {
		return logLine{}, false
	}
	u.isOpen[stream] = false
	b := &u.begun[stream]
	line = logLine{text: u.content(b.text), tooLong: b.tooLong}
	if len(b.raw) > 0 {
		line.raw = b.raw
	}
	*b = logLine{text: b.text[:0], raw: b.raw[:0]} // keep the buffers
	return line, true
}

// part returns what a container runtime has put into a line of its log: the text, and
// whether the line that the container wrote ends with it. It returns false if the line
// is not in the format of a runtime.
func (u *unwrapper) part(line []byte) (stream int, text []byte, ends, ok bool) {
	if len(line) == 0 {
		return 0, nil, false, false
	}
	if line[0] == '{' {
		return u.dockerPart(line)
	}
	return criPart(line)
}

// criPart is part for the format of the Container Runtime Interface.
func criPart(line []byte) (stream int, text []byte, ends, ok bool) {
	time, rest, _ := bytes.Cut(line, []byte{' '})
	if len(time) < len("2006-01-02T15:04:05Z") || time[4] != '-' || time[10] != 'T' {
		return 0, nil, false, false
	}
	name, rest, _ := bytes.Cut(rest, []byte{' '})
	switch string(name) {
	case "stdout":
	case "stderr":
		stream = stderr
	default:
		return 0, nil, false, false
	}
	tags, text, _ := bytes.Cut(rest, []byte{' '})
	tag, _, _ := bytes.Cut(tags, []byte{':'})
	switch string(tag) {
	case "F":
		return stream, text, true, true
	case "P":
		return stream, text, false, true
	}
	return 0, nil, false, false
}

// dockerLog and dockerStream are the fields of a line of Docker.
var dockerLog, dockerStream = []byte(`"log"`), []byte(`"stream"`)

// dockerPart is part for the format of Docker's json-file driver.
func (u *unwrapper) dockerPart(line []byte) (stream int, text []byte, ends, ok bool) {
	log, isLog := valueOf(line[1:], dockerLog)
	if !isLog {
		return 0, nil, false, false
	}
	u.docker.Reset(log)
	text, err := u.docker.Text()
	_, fields, _ := bytes.Cut(log[u.docker.Pos:], []byte{','})
	if at := bytes.Index(fields, dockerStream); at >= 0 {
		fields = fields[at:]
	}
	name, isStream := valueOf(fields, dockerStream)
	if err != nil || !isStream || name[0] != '"' { // only Docker writes this field
		return 0, nil, false, false
	}
	if bytes.HasPrefix(name, []byte(`"stderr"`)) {
		stream = stderr
	}
	text, ends = bytes.CutSuffix(text, newline)
	return stream, trimLineEnding(text), ends, true
}

// valueOf returns the text from the value of a field of a JSON object. It returns false
// if the object, from which the opening brace or a comma was removed, does not begin
// with the field, or ends before the value.
func valueOf(object, quotedName []byte) (value []byte, ok bool) {
	value, ok = bytes.CutPrefix(bytes.TrimLeft(object, " "), quotedName)
	if ok {
		value, ok = bytes.CutPrefix(bytes.TrimLeft(value, " "), []byte{':'})
	}
	value = bytes.TrimLeft(value, " ")
	return value, ok && len(value) > 0
}

// quotedMark is eventMark in a string of JSON.
var quotedMark = []byte(eventMessage + `\"`)

// content returns the part of a line that claims to be an event. If there is none, it
// returns the line.
func (u *unwrapper) content(line []byte) []byte {
	at := bytes.Index(line, eventMark[:len(eventMessage)])
	if at < 0 { // true for most lines
		if inner := withoutPrefix(u.fromNumbers(line)); bytes.Contains(inner, eventMark) {
			return inner
		}
		return line
	}
	if line[0] == '{' && bytes.HasPrefix(line[at:], eventMark) {
		return line
	}
	inner := withoutPrefix(line)
	if !bytes.Contains(inner, eventMark) && bytes.Contains(inner, quotedMark) {
		inner = withoutPrefix(u.field(inner))
	}
	if bytes.Contains(inner, eventMark) {
		return inner
	}
	return line
}

// withoutPrefix returns the line from its first opening brace.
func withoutPrefix(line []byte) []byte {
	return line[max(0, bytes.IndexByte(line, '{')):]
}

// journalField is the field of a line of journalctl -o json that contains the message.
var journalField = []byte(`"MESSAGE"`)

// fromNumbers returns the message in a line of journalctl -o json, if it is a list of the
// numbers of its bytes. This is how journalctl writes text with control characters, such
// as colors, or with invalid UTF-8. It returns nil for other lines.
func (u *unwrapper) fromNumbers(line []byte) []byte {
	if len(line) == 0 || line[0] != '{' {
		return nil
	}
	list, isValue := valueOf(line[max(0, bytes.Index(line, journalField)):], journalField)
	list, isList := bytes.CutPrefix(list, []byte{'['})
	if !isValue || !isList {
		return nil
	}
	u.message = u.message[:0]
	number, digits := 0, 0
	for _, c := range list {
		switch {
		case c == ' ':
		case c >= '0' && c <= '9' && digits < 3:
			number, digits = 10*number+int(c-'0'), digits+1
		case (c == ',' || c == ']') && digits > 0 && number <= 0xff:
			u.message = append(u.message, byte(number))
			if c == ']' {
				return trimLineEnding(u.message)
			}
			number, digits = 0, 0
		default:
			return nil
		}
	}
	return nil
}

// field returns the string of a JSON object that may be an event, or nil. It is valid
// until the next call.
func (u *unwrapper) field(object []byte) []byte {
	s := &u.object
	s.Reset(object)
	var found []byte
	errFound := errOtherLine
	err := s.Members(func() error {
		if _, err := s.Key(); err != nil {
			return err
		}
		if s.Peek() != '"' {
			return s.SkipValue()
		}
		text, err := s.Text()
		if err == nil && bytes.Contains(text, eventMark) {
			found, err = trimLineEnding(text), errFound
		}
		return err
	})
	if err != errFound {
		return nil
	}
	return found
}
