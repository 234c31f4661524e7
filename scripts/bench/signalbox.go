package main

import (
	"time"

	"code.cloudfoundry.org/lager/v3"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-ci/signalbox/emitter"
	"github.com/signalbox-ci/signalbox/metric"
)

const signalboxName = "Signalbox"

// logger has no sink, like the logger of a scheduler for messages below its log level.
var logger = lager.NewLogger("bench")

// newSignalbox is newRealSignalbox without client_golang's metrics of the Go runtime and
// the process.
func newSignalbox(change ...func(*emitter.PrometheusConfig)) (*emitter.Prometheus, error) {
	for _, c := range runtimeCollectors() {
		prometheus.Unregister(c)
	}
	return newRealSignalbox(change...)
}

// newRealSignalbox starts an emitter in its default configuration, except that it has a
// higher series limit, and that workers do not become stale during the measurement.
func newRealSignalbox(change ...func(*emitter.PrometheusConfig)) (*emitter.Prometheus, error) {
	config := &emitter.PrometheusConfig{
		BindIP: "127.0.0.1", BindPort: "0",
		MaxSeriesPerMetric: 2_000_000,
		WorkerStaleAfter:   time.Hour,
	}
	for _, c := range change {
		c(config)
	}
	e, err := config.NewEmitter(nil)
	if err != nil {
		return nil, err
	}
	return e.(*emitter.Prometheus), nil
}

// signalboxStore returns a store that emits events. All events share one map, in which
// each call of set replaces the value of one attribute. So the map is in the caches of
// the processor, like that of a real event, which is created just before it is emitted.
func signalboxStore(sh *shape) (*store, error) { return storeOf(newSignalbox, sh) }

// realSignalboxStore is signalboxStore with the page that users get.
func realSignalboxStore(sh *shape) (*store, error) { return storeOf(newRealSignalbox, sh) }

func storeOf(start func(...func(*emitter.PrometheusConfig)) (*emitter.Prometheus, error), sh *shape) (*store, error) {
	p, err := start()
	if err != nil {
		return nil, err
	}
	return &store{set: signalboxSet(p, sh), page: p.Handler()}, nil
}

func signalboxSet(p *emitter.Prometheus, sh *shape) func(string, float64) {
	first, attributes := sh.labels[0].attribute, sh.attributes()
	return func(key string, value float64) {
		attributes[first] = key
		p.Emit(logger, metric.Event{Name: sh.event, Value: value, Attributes: attributes})
	}
}

// preparedStore returns a store that emits the values of a prepared event type, as a
// typed call does.
func preparedStore(sh *shape) (*store, error) {
	p, err := newSignalbox()
	if err != nil {
		return nil, err
	}
	prepared, values := p.Prepare(sh.eventType()), labelValues(sh.labels)
	set := func(key string, value float64) {
		values[0] = key
		prepared.EmitValues(logger, value, values)
	}
	return &store{set: set, page: p.Handler()}, nil
}
