package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
)

// A memoryTransport answers requests with a handler of this process, without a
// connection.
type memoryTransport struct{ handler http.Handler }

// RoundTrip implements http.RoundTripper.
func (t memoryTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	received := r.Clone(r.Context())
	received.RemoteAddr = "this process"
	if received.Body == nil {
		received.Body = http.NoBody
	}
	defer received.Body.Close()
	w := &memoryResponse{header: http.Header{}, status: http.StatusOK}
	t.handler.ServeHTTP(w, received)
	return &http.Response{
		Status: fmt.Sprint(w.status, " ", http.StatusText(w.status)), StatusCode: w.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.header, Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()), Request: r,
	}, nil
}

// A memoryResponse is a response in memory.
type memoryResponse struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (w *memoryResponse) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter.
func (w *memoryResponse) WriteHeader(status int) { w.status = status }

// Write implements http.ResponseWriter.
func (w *memoryResponse) Write(p []byte) (int, error) { return w.body.Write(p) }
