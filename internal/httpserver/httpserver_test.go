package httpserver

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"code.cloudfoundry.org/lager/v3"
	"code.cloudfoundry.org/lager/v3/lagertest"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"
	"go.uber.org/goleak"
)

func TestHTTPServer(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "HTTP server")
}

var _ = Describe("Server", func() {
	var (
		logger   *lagertest.TestLogger
		listener net.Listener
		handler  http.HandlerFunc
		server   *Server
		client   *http.Client
		options  Options
	)

	BeforeEach(func() {
		before := goleak.IgnoreCurrent()
		DeferCleanup(func() { goleak.VerifyNone(GinkgoT(), before) })

		var err error
		logger = lagertest.NewTestLogger("intake")
		listener, err = net.Listen("tcp", "127.0.0.1:0")
		Expect(err).NotTo(HaveOccurred())
		handler = func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "served") }
		client = &http.Client{Transport: &http.Transport{}}
		options = Options{
			Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler(w, r) }),
			Logger:  func() lager.Logger { return logger },
		}
	})

	JustBeforeEach(func() {
		server = New(listener, options)
		server.Serve()
	})

	AfterEach(func() {
		client.CloseIdleConnections()
		server.Shutdown(context.Background())
	})

	get := func() (string, error) {
		response, err := client.Get("http://" + listener.Addr().String())
		if err != nil {
			return "", err
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		return string(text), err
	}

	It("serves until it is shut down", func() {
		Expect(get()).To(Equal("served"))
		Expect(server.Done()).NotTo(BeClosed())

		Expect(server.Shutdown(context.Background())).To(Succeed())
		Expect(server.Done()).To(BeClosed())
		_, err := get()
		Expect(err).To(HaveOccurred())
	})

	It("can be shut down twice", func() {
		Expect(server.Shutdown(context.Background())).To(Succeed())
		Expect(server.Shutdown(context.Background())).To(Succeed())
	})

	It("returns the error that ended serving", func() {
		listener.Close()
		Eventually(server.Done()).Should(BeClosed())
		Expect(server.Shutdown(context.Background())).To(MatchError(net.ErrClosed))
	})

	Context("with a slow request", func() {
		var started, finish chan struct{}

		BeforeEach(func() {
			started, finish = make(chan struct{}), make(chan struct{})
			handler = func(w http.ResponseWriter, r *http.Request) {
				close(started)
				<-finish
				io.WriteString(w, "late")
			}
		})

		It("waits for the request on shutdown", func() {
			response := make(chan string)
			go func() {
				text, _ := get()
				response <- text
			}()
			Eventually(started).Should(BeClosed())

			closed := make(chan error)
			go func() { closed <- server.Shutdown(context.Background()) }()
			Eventually(func() error {
				connection, err := net.Dial("tcp", listener.Addr().String())
				if err == nil {
					connection.Close()
				}
				return err
			}).ShouldNot(Succeed(), "the listener is closed")
			Expect(closed).NotTo(Receive())

			close(finish)
			Eventually(response).Should(Receive(Equal("late")))
			Eventually(closed).Should(Receive(BeNil()))
		})

		It("interrupts the request at the deadline", func() {
			failed := make(chan error)
			go func() {
				_, err := get()
				failed <- err
			}()
			Eventually(started).Should(BeClosed())

			ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
			defer cancel()
			Expect(server.Shutdown(ctx)).To(MatchError(context.DeadlineExceeded))
			Eventually(failed).Should(Receive(HaveOccurred()))
			close(finish)
		})
	})

	Context("with a handler that panics", func() {
		BeforeEach(func() {
			handler = func(http.ResponseWriter, *http.Request) { panic(errors.New("out of order")) }
		})

		It("logs the panic and continues to serve", func() {
			_, err := get()
			Expect(err).To(HaveOccurred())
			Eventually(logger).Should(gbytes.Say("out of order"))
			Expect(server.Done()).NotTo(BeClosed())
		})
	})

	It("calls Failed with the error that ended serving, if it is set", func() {
		failed := make(chan error, 1)
		other, err := Listen("127.0.0.1:0")
		Expect(err).NotTo(HaveOccurred())
		options.Failed = func(err error) { failed <- err }
		s := New(other, options)
		s.Serve()
		other.Close()
		Eventually(failed).Should(Receive(MatchError(net.ErrClosed)))
		Expect(s.Shutdown(context.Background())).To(Succeed())
	})

	It("can be shut down without having been started", func() {
		other, err := Listen("127.0.0.1:0")
		Expect(err).NotTo(HaveOccurred())
		Expect(New(other, options).Shutdown(context.Background())).To(Succeed())
		_, err = net.Dial("tcp", other.Addr().String())
		Expect(err).To(HaveOccurred())
	})

	It("closes connections without a request when it is shut down", func() {
		conn, err := net.Dial("tcp", listener.Addr().String())
		Expect(err).NotTo(HaveOccurred())
		defer conn.Close()
		fresh := func() int {
			server.pending.mu.Lock()
			defer server.pending.mu.Unlock()
			return len(server.pending.conns)
		}
		Eventually(fresh).Should(Equal(1))
		server.pending.close()
		late, err := net.Dial("tcp", listener.Addr().String()) // the listener is still open
		Expect(err).NotTo(HaveOccurred())
		defer late.Close()
		Expect(io.ReadAll(late)).To(BeEmpty())
		Expect(io.ReadAll(conn)).To(BeEmpty())
		Eventually(fresh).Should(BeZero())
	})

	It("limits the size of the request header", func() {
		other, err := Listen("127.0.0.1:0")
		Expect(err).NotTo(HaveOccurred())
		s := New(other, options)
		s.Serve()
		DeferCleanup(func(ctx SpecContext) { Expect(s.Shutdown(ctx)).To(Succeed()) })
		request, err := http.NewRequest(http.MethodGet, "http://"+other.Addr().String(), nil)
		Expect(err).NotTo(HaveOccurred())
		request.Header.Set("X", strings.Repeat("x", maxHeaderBytes+4<<10)) // net/http adds 4 KiB to the limit
		response, err := client.Do(request)
		Expect(err).NotTo(HaveOccurred())
		response.Body.Close()
		Expect(response.StatusCode).To(Equal(http.StatusRequestHeaderFieldsTooLarge))
	})

	It("disconnects clients that send invalid requests", func() {
		connection, err := net.Dial("tcp", listener.Addr().String())
		Expect(err).NotTo(HaveOccurred())
		defer connection.Close()
		_, err = io.Copy(connection, strings.NewReader("nonsense\r\n\r\n"))
		Expect(err).NotTo(HaveOccurred())
		Expect(io.ReadAll(connection)).To(HavePrefix("HTTP/1.1 400 Bad Request"))
	})
})
