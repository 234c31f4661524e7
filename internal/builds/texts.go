package builds

import (
	"encoding/binary"
	"net/url"
	"strings"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
)

// The maximum lengths in bytes. Longer texts are cut; longer URLs are replaced by an
// empty text.
const (
	maxTextBytes = 256
	maxURLBytes  = 1 << 10
)

// A texts is a list of short texts in one slice of bytes, each preceded by its length.
// Two lists are equal if their bytes are equal, and the first texts of a list are a
// prefix of its bytes.
type texts []byte

// The indexes of texts. Those of pipelines, classes of runners, runs and waiting jobs
// begin with the system and the instance.
const (
	textSystem = iota
	textInstance
	textRepository
	textPipeline

	textRunnerClass = textRepository // of a class of runners
)

// lengthBytes is the number of bytes that store the length of a text.
const lengthBytes = 2

// append appends copies of texts, each cut to maxTextBytes.
func (t texts) append(list ...string) texts {
	for _, text := range list {
		t = t.appendOne(excerpt.Prefix(text, maxTextBytes))
	}
	return t
}

// appendURL appends the URL of a page, or an empty text if it cannot be one: see webURL.
func (t texts) appendURL(text string) texts { return t.appendOne(linkable(text)) }

func (t texts) appendOne(text string) texts {
	return append(binary.LittleEndian.AppendUint16(t, uint16(len(text))), text...)
}

// end returns the size of the first n texts in bytes, with their lengths.
func (t texts) end(n int) (end int) {
	for range n {
		end += lengthBytes + int(binary.LittleEndian.Uint16(t[end:]))
	}
	return end
}

// first returns the first n texts.
func (t texts) first(n int) texts { return t[:t.end(n)] }

// at returns one of the texts.
func (t texts) at(i int) string {
	begin := t.end(i)
	text := t[begin+lengthBytes:]
	return string(text[:binary.LittleEndian.Uint16(t[begin:])])
}

// display returns one of the texts, without characters that could mislead a reader.
func (t texts) display(i int) string { return excerpt.Display(t.at(i)) }

// linkable returns the text if it may be the URL of a page, or an empty string. It is a
// cheap check; webURL checks completely.
func linkable(text string) string {
	if len(text) > maxURLBytes || !strings.HasPrefix(text, "https://") && !strings.HasPrefix(text, "http://") {
		return ""
	}
	return text
}

// webURL returns a URL that the status page can link to, or an empty string. It accepts
// only http and https, and no user name, which could pass for the host.
func webURL(text string) string {
	u, err := url.Parse(linkable(text))
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	text = u.String()
	for _, c := range []byte(text) {
		if c <= ' ' || c >= 0x7f {
			return ""
		}
	}
	return text
}

// list returns all texts.
func (t texts) list() (list []string) {
	for len(t) > 0 {
		list = append(list, t.at(0))
		t = t[t.end(1):]
	}
	return list
}
