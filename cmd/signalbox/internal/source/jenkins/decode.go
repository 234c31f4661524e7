package jenkins

import (
	"net/http"
	"strconv"
	"time"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/cloudevents"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
)

// system is the name of the CI system in changes.
const system = "jenkins"

// Decode decodes a delivery of one of the plugins. It returns an error if the body is
// not JSON. It does not check the token.
func Decode(header http.Header, body []byte) (payload.Delivery, error) {
	if header.Get("Ce-Type") != "" {
		return cloudevents.Delivery(header, body, decodeEvent)
	}
	d := payload.New("") // notifications have no IDs
	var p notification
	if err := payload.Unmarshal(body, &p); err != nil {
		return d, err
	}
	p.decodeBuild(&d)
	return d, nil
}

func itoa(id int64) string { return strconv.FormatInt(id, 10) }

// duration returns the duration of that many milliseconds, or nil if it is unknown or not
// possible.
func duration(number payload.ID) *time.Duration {
	const maxMilliseconds = 10 * 366 * 24 * 60 * 60 * 1000
	ms, err := strconv.ParseInt(string(number), 10, 64)
	if err != nil || ms < 0 || ms > maxMilliseconds {
		return nil
	}
	d := time.Duration(ms) * time.Millisecond
	return &d
}
