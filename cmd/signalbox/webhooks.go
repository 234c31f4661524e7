package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"

	"code.cloudfoundry.org/lager/v3"
	"github.com/jessevdk/go-flags"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/azuredevops"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/buildkite"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/cdevents"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/circleci"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/drone"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/gitea"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/github"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/gitlab"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/idempotency"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/jenkins"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tekton"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/webhook"
	"github.com/signalbox-ci/signalbox/internal/access"
	"github.com/signalbox-ci/signalbox/internal/httpserver"
	"github.com/signalbox-ci/signalbox/internal/membudget"
	"github.com/signalbox-ci/signalbox/internal/status"
	"github.com/signalbox-ci/signalbox/internal/webconfig"
)

// webhookFlags are the flags of the listener for webhooks.
type webhookFlags struct {
	BindIP        bindHost `long:"webhook-bind-ip" value-name:"IP" default:"127.0.0.1" description:"IP address or host name to receive webhooks on, if one of the CI systems below is configured."`
	BindPort      port     `long:"webhook-bind-port" value-name:"PORT" default:"29391" description:"Port to receive webhooks on; 0 means any free port, which is logged."`
	WebConfigFile string   `long:"webhook-web-config-file" value-name:"FILE" description:"Prometheus web configuration file that enables TLS for the webhook listener."`
	MaxBodyBytes  limit    `long:"webhook-max-body-bytes" value-name:"N" default:"33554432" description:"Maximum size of a delivery, in bytes after decompression. --memory-limit can lower it."`
	ReplayWindow  lifetime `long:"webhook-replay-window" value-name:"DURATION" default:"5m" description:"Maximum age of signatures that contain a time; 0s means any age."`

	MaxObjects   limit   `long:"source-max-objects" value-name:"N" default:"100000" description:"Maximum number of runs, jobs, workers and other objects to remember. Beyond it, the one that ended first is forgotten. --memory-limit can lower it."`
	QueuedLimit  timeout `long:"source-queued-limit" value-name:"DURATION" default:"24h" description:"Time after which a run or job that waits is no longer counted as active."`
	RunningLimit timeout `long:"source-running-limit" value-name:"DURATION" default:"24h" description:"Time after which a run or job that executes is no longer counted as active."`
	Memory       timeout `long:"source-memory" value-name:"DURATION" default:"24h" description:"Time for which a run or job that has ended is remembered, to recognize repeated deliveries. Older deliveries are not counted."`
}

// newSources returns all sources that receive webhooks.
func newSources() []webhook.Source {
	return []webhook.Source{
		github.NewSource(), gitlab.NewSource(), cdevents.NewSource(), buildkite.NewSource(), tekton.NewSource(),
		gitea.NewSource(), jenkins.NewSource(), circleci.NewSource(), azuredevops.NewSource(), drone.NewSource(),
	}
}

// addWebhooks adds the flags of the sources to a command. Their names begin with the
// name of the source. If the flags enable a source, they also select the catalog ci,
// unless --catalog is given.
func (c *daemon) addWebhooks(command *flags.Command) error {
	c.sources = newSources()
	for _, s := range c.sources {
		group, err := command.AddGroup("Webhooks of "+s.Description(), "", s)
		if err != nil {
			return err
		}
		group.Namespace = s.Name()
	}
	for _, factory := range c.monitor.Factories() {
		if f, ok := factory.(interface{ SetDefaultCatalog(list func() string) }); ok {
			f.SetDefaultCatalog(c.defaultCatalog)
		}
	}
	return nil
}

// defaultCatalog returns the value of --catalog if it is not given.
func (c *daemon) defaultCatalog() string {
	if len(c.configuredSources()) > 0 {
		return "concourse,ci"
	}
	return "concourse"
}

// configuredSources returns the sources that the flags enable.
func (c *daemon) configuredSources() (configured []webhook.Source) {
	for _, s := range c.sources {
		if s.IsConfigured() {
			configured = append(configured, s)
		}
	}
	return configured
}

// checkWebhooks returns the errors in the flags for webhooks and in the files that they
// name.
func (c *daemon) checkWebhooks() error {
	var errs []error
	configured := c.configuredSources()
	for _, s := range configured {
		_, err := s.NewVerifier(time.Duration(c.Webhooks.ReplayWindow))
		errs = append(errs, err)
	}
	if len(configured) > 0 {
		_, err := c.openWebhookAccess()
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// openWebhookAccess returns the options that protect the webhook listener. Every host
// name is allowed: there is nothing to read, and a proxy may pass on its own name.
func (c *daemon) openWebhookAccess() (access.Options, error) {
	o := access.Options{AnyHost: true, Denials: access.NewDenials("webhook")}
	var err error
	if o.WebConfig, err = webconfig.Open(c.Webhooks.WebConfigFile); err != nil {
		return o, fmt.Errorf("--webhook-web-config-file: %w", err)
	}
	if o.WebConfig != nil && o.WebConfig.HasUsers() {
		return o, fmt.Errorf("--webhook-web-config-file: %s: got basic_auth_users, expected none: CI systems authenticate with their secrets", c.Webhooks.WebConfigFile)
	}
	return o, nil
}

// webhooks are the sources that receive webhooks, and their listener. A nil *webhooks
// means that no source is configured; start, abandon, shutdown, reload and done then do
// nothing.
type webhooks struct {
	*webhook.Receiver
	sources  []webhook.Source
	listener net.Listener
	access   access.Options
	server   *httpserver.Server
	stop     context.CancelFunc
	stopped  chan struct{} // closed when ticks have ended
}

// openWebhooks opens the listener for webhooks. It returns nil if no source is
// configured. labelInputs returns what rules use of an event; see
// engine.Engine.LabelInputs.
func (c *daemon) openWebhooks(logger lager.Logger, budgets *membudget.Budgets, labelInputs func(event string) iter.Seq2[string, func(string) string]) (*webhooks, error) {
	w := &webhooks{sources: c.configuredSources()}
	if len(w.sources) == 0 {
		return nil, nil
	}
	var err error
	if w.access, err = c.openWebhookAccess(); err != nil {
		return nil, err
	}
	// The tracker may use a quarter of the memory for what is held. It is reserved at
	// once: a full table replaces objects instead of rejecting them.
	objects := min(int64(c.Webhooks.MaxObjects), budgets.Held.Size()/4/tracker.ObjectBytes)
	budgets.Held.Add(objects * tracker.ObjectBytes)
	// Repeated deliveries arrive within minutes, and the tracker recognizes them too.
	deliveries := idempotency.NewTable(idempotency.Options{MaxEntries: 50_000, Memory: budgets.IDs})
	var names []string
	for _, s := range w.sources {
		names = append(names, s.Name())
	}
	w.Receiver, err = webhook.New(webhook.Options{
		Logger:       c.intentional(logger).Session("webhooks"),
		Now:          c.webhookNow,
		Sources:      w.sources,
		ReplayWindow: time.Duration(c.Webhooks.ReplayWindow),
		Tracker: tracker.New(tracker.Options{
			MaxObjects:   int(objects),
			QueuedLimit:  time.Duration(c.Webhooks.QueuedLimit),
			RunningLimit: time.Duration(c.Webhooks.RunningLimit),
			Memory:       time.Duration(c.Webhooks.Memory),
			LabelInputs:  labelInputs,
			Systems:      names,
		}),
		IDs:       func(scope string) webhook.IDs { return deliveries.IDs(scope) },
		BodyBytes: int64(c.Webhooks.MaxBodyBytes),
		Buffer:    budgets.Buffer.Half(),
		Parse:     budgets.Parse,
	})
	if err != nil {
		return nil, err
	}
	address := httpserver.Address(string(c.Webhooks.BindIP), strconv.Itoa(int(c.Webhooks.BindPort)))
	w.listener, err = httpserver.Listen(address)
	if c.isDemo && errors.Is(err, syscall.EADDRINUSE) {
		w.listener, err = httpserver.Listen(httpserver.Address(string(c.Webhooks.BindIP), "0"))
	}
	if err != nil {
		err = withAdvice(err, "--webhook-bind-ip", "--webhook-bind-port")
		return nil, fmt.Errorf("cannot receive webhooks on %s (--webhook-bind-ip, --webhook-bind-port): %w", address, err)
	}
	return w, nil
}

// OverviewReport implements status.Reporter. It adds the URLs of the webhooks.
func (w *webhooks) OverviewReport(now time.Time) status.Report {
	r := w.Receiver.OverviewReport(now)
	url := helpURL(w.listener.Addr(), w.access)
	for _, s := range w.sources {
		r.Help = append(r.Help,
			status.HelpText{Section: "sources", Text: "No deliveries from " + s.Description() + " yet. Add a webhook there, with the " + s.Credential() + ", for " +
				s.Expects() + ". Its URL is this one, or that of the proxy in front of it:"},
			status.HelpText{Section: "sources", Snippet: url + webhook.Path(s.Name())},
		)
	}
	return r
}

// url returns the URL of the webhook of a CI system.
func (w *webhooks) url(system string) string {
	return listenerURL(w.listener.Addr(), w.access) + webhook.Path(system)
}

// ownTransport returns the transport with which this process sends webhooks to itself.
// Nil means over the network, as CI systems do. This process cannot check its own
// certificate, so it bypasses a listener with TLS.
func (w *webhooks) ownTransport() http.RoundTripper {
	if !w.access.Protection().Encrypted {
		return nil
	}
	return memoryTransport{w.Handler()}
}

// start starts the server. Events go to the sink.
func (w *webhooks) start(logger lager.Logger, sink source.Sink) {
	if w == nil {
		return
	}
	w.SetSink(sink)
	ctx, stop := context.WithCancel(context.Background())
	w.stop, w.stopped = stop, make(chan struct{})
	go func() {
		defer close(w.stopped)
		w.Run(ctx)
	}()
	w.server = source.Serve(logger, w.listener, w.access, w.Handler())
	for _, s := range w.sources {
		logger.Info("listening-for-webhooks", lager.Data{"url": w.server.Scheme() + "://" + w.server.Addr().String() + webhook.Path(s.Name())})
		if s.IsOpen() && !access.IsLoopback(w.server.Addr()) {
			logger.Info("webhook-without-secret", lager.Data{
				"source": s.Name(),
				"reason": "everyone who can connect to " + w.server.Addr().String() + " can send deliveries: set --" + s.Name() + "-" + s.Credential() + "-file, unless only the CI system can connect",
			})
		}
	}
}

// abandon closes the listener of webhooks that are not started.
func (w *webhooks) abandon() error {
	if w == nil {
		return nil
	}
	return w.listener.Close()
}

// shutdown stops the server, and then the ticks.
func (w *webhooks) shutdown(ctx context.Context) error {
	if w == nil {
		return nil
	}
	err := w.server.Shutdown(ctx)
	w.stop()
	<-w.stopped
	return err
}

// reload reads the secrets again.
func (w *webhooks) reload() {
	if w != nil {
		w.Reload()
	}
}

// done returns a channel that is closed when the server fails.
func (w *webhooks) done() <-chan struct{} {
	if w == nil {
		return nil
	}
	return w.server.Done()
}
