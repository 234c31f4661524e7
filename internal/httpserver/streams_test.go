package httpserver

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"code.cloudfoundry.org/lager/v3"
)

const streamRequest = "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"

// The client of a stream may pause, and may take any time for the whole body, but it
// must not be silent for too long.
func TestStreamsMayTakeAnyTimeButMustNotBeSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const idle = 10 * time.Minute
		ended := make(chan error, 1)
		ours, theirs := net.Pipe()
		listener := oneConnection{accept: make(chan net.Conn, 1), closed: make(chan struct{})}
		listener.accept <- ours
		server := New(listener, Options{
			ReadTimeout: time.Minute,
			Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				Stream(r, idle)
				body, err := io.ReadAll(r.Body)
				ended <- err
				fmt.Fprintf(w, "%s.", body) //nolint:errcheck // checked below
			}),
			Logger: func() lager.Logger { return lager.NewLogger("test") },
		})
		server.Serve()
		defer server.Shutdown(context.Background()) //nolint:errcheck // the listener fails
		io.WriteString(theirs, streamRequest)       //nolint:errcheck // checked below
		for range 5 {
			time.Sleep(9 * time.Minute)
			if _, err := io.WriteString(theirs, "1\r\nx\r\n"); err != nil {
				t.Fatal(err)
			}
		}
		began := time.Now()
		response, err := io.ReadAll(theirs)
		if err != nil || !strings.Contains(string(response), "\r\nxxxxx.\r\n") {
			t.Errorf("got %q and %v, expected the response", response, err)
		}
		if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("got %v, expected %v", err, os.ErrDeadlineExceeded)
		}
		if took := time.Since(began); took < idle-idle/100 || took > idle+streamDiscardTimeout {
			t.Errorf("it took %s, expected about %s", took, idle)
		}
	})
}

// forProtocols runs a test with each version of HTTP. post sends a request whose body is
// what is written to the writer, and returns the response as soon as its header has
// arrived.
func forProtocols(t *testing.T, handler http.HandlerFunc, test func(t *testing.T, s *Server, post func() (*io.PipeWriter, *http.Response))) {
	for name, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2.0": true} {
		t.Run(name, func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			server := New(listener, Options{Handler: handler, ReadTimeout: time.Minute, Logger: func() lager.Logger { return lager.NewLogger("test") }})
			protocols := new(http.Protocols)
			protocols.SetHTTP1(!http2)
			protocols.SetUnencryptedHTTP2(http2)
			server.http.Protocols = protocols
			server.Serve()
			defer server.Shutdown(context.Background()) //nolint:errcheck // tests of Shutdown check it
			client := &http.Client{Transport: &http.Transport{Protocols: protocols}}
			defer client.CloseIdleConnections()
			test(t, server, func() (*io.PipeWriter, *http.Response) {
				body, writer := io.Pipe()
				response, err := client.Post("http://"+listener.Addr().String(), "", body)
				if err != nil {
					t.Fatal(err)
				}
				if response.Proto != name {
					t.Fatalf("got %s, expected %s", response.Proto, name)
				}
				return writer, response
			})
		})
	}
}

// echo sends the header of the response, and then what it reads, and the error that
// ended reading.
func echo(w http.ResponseWriter, r *http.Request) {
	Stream(r, time.Minute)
	control := http.NewResponseController(w)
	control.Flush() //nolint:errcheck // checked below
	for buffer := make([]byte, 100); ; {
		n, err := r.Body.Read(buffer)
		w.Write(buffer[:n]) //nolint:errcheck // checked below
		if err != nil {
			fmt.Fprintf(w, "(%v)", err)
			return
		}
		control.Flush() //nolint:errcheck // checked below
	}
}

// readError returns the response up to the error in parentheses. The client then need not
// wait until the server ends the connection.
func readError(response *http.Response) string {
	text, _ := bufio.NewReader(response.Body).ReadString(')')
	return text
}

func TestStreamsAreAnsweredBeforeTheyEnd(t *testing.T) {
	forProtocols(t, echo, func(t *testing.T, _ *Server, post func() (*io.PipeWriter, *http.Response)) {
		writer, response := post()
		defer response.Body.Close() //nolint:errcheck // only read from
		for range 3 {
			io.WriteString(writer, "hello") //nolint:errcheck // the response shows errors
			var answer [5]byte
			if _, err := io.ReadFull(response.Body, answer[:]); err != nil || string(answer[:]) != "hello" {
				t.Errorf("got %q and %v, expected hello", answer, err)
			}
		}
		writer.Close() //nolint:errcheck // never fails
		if rest, err := io.ReadAll(response.Body); string(rest) != "(EOF)" || err != nil {
			t.Errorf("got %q and %v, expected (EOF)", rest, err)
		}
	})
}

func TestShutdownInterruptsStreams(t *testing.T) {
	forProtocols(t, echo, func(t *testing.T, s *Server, post func() (*io.PipeWriter, *http.Response)) {
		_, response := post()
		stopped := make(chan error)
		go func() { stopped <- s.Shutdown(context.Background()) }()
		if answer := readError(response); answer != "(the server is shutting down)" {
			t.Errorf("got %q, expected the error from reading", answer)
		}
		response.Body.Close() //nolint:errcheck // only read from
		if err := <-stopped; err != nil {
			t.Error(err)
		}
	})
}

// A request that arrives on an open connection during the shutdown is no exception.
func TestStreamsThatBeginDuringTheShutdownAreInterrupted(t *testing.T) {
	forProtocols(t, echo, func(t *testing.T, s *Server, post func() (*io.PipeWriter, *http.Response)) {
		s.streams.close()
		_, response := post()
		if answer := readError(response); answer != "(the server is shutting down)" {
			t.Errorf("got %q, expected the error from reading", answer)
		}
		response.Body.Close() //nolint:errcheck // only read from
	})
}

func TestHandlersInterruptStreams(t *testing.T) {
	handler := func(w http.ResponseWriter, r *http.Request) {
		interrupt := Stream(r, time.Minute)
		http.NewResponseController(w).Flush() //nolint:errcheck // checked below
		go interrupt(errors.New("enough"))
		_, err := io.ReadAll(r.Body)
		interrupt(errors.New("too late"))
		_, again := r.Body.Read(make([]byte, 1))
		fmt.Fprintf(w, "(%v, %v)", err, again)
	}
	forProtocols(t, handler, func(t *testing.T, s *Server, post func() (*io.PipeWriter, *http.Response)) {
		_, response := post()
		defer response.Body.Close() //nolint:errcheck // only read from
		if answer := readError(response); answer != "(enough, enough)" {
			t.Errorf("got %q, expected the error from reading", answer)
		}
	})
}

// A handler that panics must not leave its stream to the shutdown, which would use a
// response that no longer exists.
func TestStreamsOfHandlersThatPanicEnd(t *testing.T) {
	handler := func(w http.ResponseWriter, r *http.Request) {
		Stream(r, time.Minute)
		http.NewResponseController(w).Flush() //nolint:errcheck // checked below
		panic(http.ErrAbortHandler)
	}
	forProtocols(t, handler, func(t *testing.T, s *Server, post func() (*io.PipeWriter, *http.Response)) {
		writer, response := post()
		writer.Close()              //nolint:errcheck // never fails
		defer response.Body.Close() //nolint:errcheck // only read from
		if _, err := io.ReadAll(response.Body); err == nil {
			t.Error("the response is complete")
		}
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if n := len(s.streams.open); n > 0 {
			t.Errorf("got %d streams, expected none", n)
		}
	})
}

// What a client still sends after the response must not be taken for a request, and must
// not make the client lose the response.
func TestTheRestOfAStreamIsDiscarded(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"not read": func(w http.ResponseWriter, r *http.Request) {
			Stream(r, time.Minute)
			w.WriteHeader(http.StatusServiceUnavailable)
		},
		"interrupted": func(w http.ResponseWriter, r *http.Request) {
			interrupt := Stream(r, time.Minute)
			r.Body.Read(make([]byte, 1)) //nolint:errcheck // the next read fails too
			interrupt(errors.New("enough"))
			io.Copy(io.Discard, r.Body) //nolint:errcheck // it fails
			w.WriteHeader(http.StatusServiceUnavailable)
		},
	} {
		t.Run(name, func(t *testing.T) {
			client := dialServer(t, handler)
			smuggled := "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
			sent := streamRequest + "1\r\nx\r\n" + strings.Repeat(smuggled, 16<<20/len(smuggled)) // more than the kernel's buffers
			if _, err := io.WriteString(client, sent); err != nil {
				t.Fatalf("sending the body: %v", err)
			}
			client.(*net.TCPConn).CloseWrite() //nolint:errcheck // checked below
			reader := bufio.NewReader(client)
			response, err := http.ReadResponse(reader, nil)
			if err != nil {
				t.Fatalf("reading the response: %v", err)
			}
			response.Body.Close() //nolint:errcheck // it is empty
			if rest, err := io.ReadAll(reader); response.StatusCode != http.StatusServiceUnavailable || len(rest) > 0 || err != nil {
				t.Errorf("got status %d, then %q and %v, expected 503 and nothing else", response.StatusCode, rest, err)
			}
		})
	}
}
