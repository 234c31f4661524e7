package demo

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/demo/forge"
	"github.com/signalbox-ci/signalbox/internal/interval"
)

const (
	// forgePast is how long the organizations have existed when the demo starts, so that
	// the page shows their runs immediately.
	forgePast = 20 * time.Minute

	// deliveryInterval is the interval at which due deliveries are sent.
	deliveryInterval = 250 * time.Millisecond

	// maxDeliveryAge is the maximum age of deliveries that are sent. Older ones exist
	// only if the machine was suspended, or the receiver did not answer.
	maxDeliveryAge = time.Minute
)

// Webhooks are the options of the organizations that send webhooks.
type Webhooks struct {
	// URL returns the URL of the webhook of a CI system.
	URL func(system string) string

	// Secrets are the secrets of the webhooks.
	Secrets forge.Secrets

	// Transport, if not nil, sends the deliveries instead of a new http.Transport.
	Transport http.RoundTripper

	// SetTime sets the clock of the receiver to the time of a delivery in the past. The
	// zero Time sets it to the present.
	SetTime func(time.Time)
}

// A deliverer sends the deliveries of organizations on GitHub and GitLab over HTTP.
type deliverer struct {
	Webhooks
	sender
	forge *forge.Simulation
}

// newDeliverer returns a deliverer that has delivered the past up to now.
func newDeliverer(ctx context.Context, o Options) *deliverer {
	d := &deliverer{
		Webhooks: *o.Webhooks,
		sender:   sender{client: newClient(o.Webhooks.Transport), logger: o.Failures.Session("webhook")},
		forge:    forge.New(o.Seed, time.Now().Add(-forgePast)),
	}
	for _, delivery := range d.forge.Advance(time.Now()) {
		d.SetTime(delivery.Arrives)
		d.send(ctx, delivery)
	}
	d.SetTime(time.Time{})
	return d
}

// start sends deliveries until the context ends.
func (d *deliverer) start(ctx context.Context) {
	d.running.Go(func() {
		interval.Run(ctx, deliveryInterval, func() {
			now := time.Now()
			for _, delivery := range d.forge.Advance(now) {
				if now.Sub(delivery.Arrives) > maxDeliveryAge {
					d.skipped.Add(1)
					continue
				}
				d.send(ctx, delivery)
			}
		})
	})
}

// send sends a delivery, and counts the result.
func (d *deliverer) send(ctx context.Context, delivery forge.Delivery) {
	d.count(ctx, d.post(ctx, delivery))
}

func (d *deliverer) post(ctx context.Context, delivery forge.Delivery) error {
	request, err := delivery.Request(d.URL(delivery.System), d.Secrets)
	if err != nil {
		return err
	}
	if err := d.do(request.WithContext(ctx), delivery.Status()); err != nil {
		return fmt.Errorf("delivering a webhook of %s: %w", delivery.System, err)
	}
	return nil
}
