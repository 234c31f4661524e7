package httpserver

import (
	"strings"
	"time"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/internal/loglimit"
	"github.com/signalbox-ci/signalbox/internal/webconfig"
)

// A logWriter logs the messages of http.Server, of each kind at most one per second. It
// removes values of the web configuration file from them.
type logWriter struct {
	options           Options
	began             time.Time
	handshakes, other loglimit.Limiter
}

// Write implements io.Writer.
func (w *logWriter) Write(line []byte) (int, error) {
	message := strings.TrimSpace(string(line))
	event, limit := "http-server", &w.other
	// Any client can cause these, so they must not suppress other messages.
	if rest, ok := strings.CutPrefix(message, "http: TLS handshake error "); ok {
		event, limit, message = "tls-handshake-failed", &w.handshakes, rest
	}
	if ok, unlogged := limit.Allow(time.Since(w.began)); ok {
		if w.options.Access.WebConfig != nil {
			message = webconfig.HideValues(message)
		}
		w.options.Logger().Info(event, lager.Data{"message": message, "unlogged": unlogged})
	}
	return len(line), nil
}

// logWebConfig logs that the web configuration file has become invalid, or that other
// settings have come into force.
func logWebConfig(logger lager.Logger, err error) {
	if err != nil {
		logger.Error("web-config-refused", err)
	} else {
		logger.Info("web-config-reloaded")
	}
}
