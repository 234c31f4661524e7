package builds

import (
	"net/url"
	"strings"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
)

// A texts is a list of short texts in memory that is reused, so that setting them does
// not allocate once the memory is large enough.
type texts struct {
	bytes []byte
	ends  [maxTexts]int
}

const maxTexts = 7

// set copies up to maxTexts texts, each cut to maxTextBytes, except for the last of
// maxTexts, which is a URL.
func (t *texts) set(list ...string) {
	t.bytes = t.bytes[:0]
	for i := range t.ends {
		if i < len(list) {
			text := list[i]
			if i == urlText {
				text = linkable(text)
			} else {
				text = excerpt.Prefix(text, maxTextBytes)
			}
			t.bytes = append(t.bytes, text...)
		}
		t.ends[i] = len(t.bytes)
	}
}

// urlText is the index of the URL.
const urlText = maxTexts - 1

// at returns one of the texts, which is valid until the next call of set.
func (t *texts) at(i int) []byte {
	begin := 0
	if i > 0 {
		begin = t.ends[i-1]
	}
	return t.bytes[begin:t.ends[i]]
}

// is reports whether one of the texts is the given one, or what set made of it.
func (t *texts) is(i int, text string) bool {
	return string(t.at(i)) == excerpt.Prefix(text, maxTextBytes)
}

// linkable returns the URL of a page if it may be one, cheaply: see webURL.
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
