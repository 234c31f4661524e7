// Package webhook receives the webhooks of CI systems. A Source authenticates and
// decodes deliveries, the tracker turns them into events, and the Receiver passes the
// events on.
package webhook
