package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/internal/access"
	"github.com/signalbox-ci/signalbox/internal/webconfig"
)

// accessFlags are the flags that decide which requests the listeners accept.
type accessFlags struct {
	AllowedHosts []hostName  `long:"allowed-host" value-name:"NAME" description:"Host name that requests to a listener may use, in addition to localhost and IP addresses. Without this flag, only listeners on loopback addresses check the name. Repeatable."`
	CORSOrigins  []webOrigin `long:"cors-origin" value-name:"ORIGIN" description:"Origin of a website whose scripts may use the intake listener, such as https://ci.example.com, or * to let all websites read. Repeatable."`
}

func (f *accessFlags) allowedHosts() []string { return texts(f.AllowedHosts) }

// texts converts the values of a flag to strings.
func texts[T ~string](values []T) (texts []string) {
	for _, v := range values {
		texts = append(texts, string(v))
	}
	return texts
}

// openIntakeAccess returns the options that protect the intake listener.
func (c *daemon) openIntakeAccess(logger lager.Logger) (access.Options, error) {
	o := access.Options{
		Hosts:      c.Access.allowedHosts(),
		Origins:    texts(c.Access.CORSOrigins),
		OriginFlag: "--cors-origin",
		Denials:    access.NewDenials("intake"),
	}
	var err error
	if o.WebConfig, err = webconfig.Open(c.Intake.WebConfigFile); err != nil {
		return o, fmt.Errorf("--intake-web-config-file: %w", err)
	}
	if c.Intake.TokenFile != "" {
		if o.Tokens, err = access.NewTokens(c.Intake.TokenFile, time.Now, func() lager.Logger { return logger }); err != nil {
			return o, fmt.Errorf("--intake-token-file: %w", err)
		}
	}
	return o, nil
}

// checkAccess returns the errors in the files that openIntakeAccess reads.
func (c *daemon) checkAccess() error {
	var errs []error
	if err := webconfig.Check(c.Intake.WebConfigFile); err != nil {
		errs = append(errs, fmt.Errorf("--intake-web-config-file: %w", err))
	}
	if c.Intake.TokenFile != "" {
		if err := access.CheckTokens(c.Intake.TokenFile); err != nil {
			errs = append(errs, fmt.Errorf("--intake-token-file: %w", err))
		}
	}
	return errors.Join(errs...)
}

// hiddenMetrics returns a function that returns why the intake listener must not show
// metrics, or the empty string. The reason is that its clients need no credentials, but
// those of the metrics listener do.
func hiddenMetrics(emitters *emitters, intake func() access.Protection) func() string {
	return func() string {
		for _, s := range emitters.servers {
			if !intake().Covers(s.Protection()) {
				return "this listener does not show metrics, because --prometheus-web-config-file protects them and this listener is open: " +
					"read them from the metrics listener, or protect this one with --intake-token-file or --intake-web-config-file"
			}
		}
		return ""
	}
}

// listenerURL returns the URL of a listener, without a path.
func listenerURL(address net.Addr, o access.Options) string {
	if o.Protection().Encrypted {
		return "https://" + address.String()
	}
	return "http://" + address.String()
}

func (s *service) intakeURL() string { return listenerURL(s.address, s.access) }

// ownTransport returns how this process sends requests to the intake. Nil means over
// the network, as other clients do. This process has no credentials, so it bypasses a
// protected listener.
func (s *service) ownTransport() http.RoundTripper {
	if s.access.Protection() == (access.Protection{}) {
		return nil
	}
	return memoryTransport{s.handler}
}

// credentialsOption returns the option of curl that sends credentials to the intake,
// followed by a space, or nothing if the intake requires none.
func credentialsOption(o access.Options) string {
	switch {
	case o.Tokens != nil:
		return `-H "Authorization: Bearer $TOKEN" `
	case o.Protection().Authenticated:
		return `-u "$USER:$PASSWORD" `
	}
	return ""
}

// warnIfOpen logs if everyone on the network can write to the intake.
func warnIfOpen(logger lager.Logger, address net.Addr, o access.Options) {
	if !o.Protection().Authenticated && !access.IsLoopback(address) {
		logger.Info("intake-without-credentials", lager.Data{
			"reason": "everyone who can connect to " + address.String() + " can send events and pushes: set --intake-token-file or --intake-web-config-file, unless the network is private",
		})
	}
}

// audiences describes who can use the listeners.
func (s *service) audiences() string {
	var b strings.Builder
	for _, page := range s.emitters.servers {
		if address, err := net.ResolveTCPAddr("tcp", page.Addr()); err == nil {
			fmt.Fprintf(&b, "The status page and metrics are open to %s.\n", audience(address, page.Protection()))
		}
	}
	fmt.Fprintf(&b, "Events and pushes are accepted from %s.\n", audience(s.address, s.access.Protection()))
	return b.String()
}

// audience describes who can use a listener, as in "programs on this machine, without
// credentials".
func audience(address net.Addr, p access.Protection) string {
	who := "everyone who can connect to " + address.String()
	if access.IsLoopback(address) {
		who = "programs on this machine"
	}
	if p.Authenticated {
		return who + ", with credentials"
	}
	return who + ", without credentials"
}
