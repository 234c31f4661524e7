package demo

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"code.cloudfoundry.org/lager/v3"
)

// A sender sends HTTP requests to the daemon, and counts the results. It logs only the
// first failure.
type sender struct {
	client *http.Client
	logger lager.Logger

	running               sync.WaitGroup
	sent, failed, skipped atomic.Uint64
}

// sendTimeout is the maximum time for a request.
const sendTimeout = 5 * time.Second

// newClient returns an HTTP client with the transport; nil means a new http.Transport.
func newClient(transport http.RoundTripper) *http.Client {
	return &http.Client{Timeout: sendTimeout, Transport: cmp.Or[http.RoundTripper](transport, &http.Transport{})}
}

// wait waits until the sender has ended, and closes its connections.
func (s *sender) wait() {
	s.running.Wait()
	s.client.CloseIdleConnections()
}

// count counts a request, which failed if err is not nil.
func (s *sender) count(ctx context.Context, err error) {
	switch {
	case err == nil:
		s.sent.Add(1)
	case ctx.Err() != nil: // stopped meanwhile
	case s.failed.Add(1) == 1:
		s.logger.Error("failed", err)
	}
}

// do sends a request. It returns an error if the answer does not have the status.
func (s *sender) do(request *http.Request, status int) error {
	response, err := s.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != status {
		return fmt.Errorf("got status %s: %s", response.Status, answer)
	}
	return nil
}
