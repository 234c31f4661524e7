package pushgateway_test

import (
	"bytes"
	"context"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"code.cloudfoundry.org/lager/v3/lagertest"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/encoding/protodelim"
	"google.golang.org/protobuf/proto"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/pushgateway"
	"github.com/signalbox-ci/signalbox/emitter/aggregator"
)

func TestPush(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "Push")
}

// A recorder is a Store that records the calls of its methods, and returns err.
type recorder struct {
	mu      sync.Mutex
	pushes  []aggregator.Push
	deleted [][]aggregator.Label
	wiped   int
	failed  bool // a push was invalid

	groups []aggregator.Group
	err    error

	listed, pushing func() // called by List and Push if not nil
}

func (r *recorder) Push(_ context.Context, p aggregator.Push) error {
	if r.pushing != nil {
		r.pushing()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.Invalid != nil {
		r.failed = true
		return &aggregator.PushError{Refusal: aggregator.Inconsistent, Err: p.Invalid}
	}
	r.pushes = append(r.pushes, p)
	return r.err
}

func (r *recorder) Delete(_ context.Context, grouping []aggregator.Label) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.deleted = append(r.deleted, grouping)
	return r.err
}

func (r *recorder) List() iter.Seq[aggregator.Group] {
	if r.listed != nil {
		r.listed()
	}
	return slices.Values(r.groups)
}

func (r *recorder) Wipe(context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wiped++
	return r.err
}

// A fixture is a handler whose store is a recorder.
type fixture struct {
	store   *recorder
	logger  *lagertest.TestLogger
	options pushgateway.Options
	handler http.Handler // if nil, each request has its own handler
}

func newFixture() *fixture {
	f := &fixture{store: &recorder{}, logger: lagertest.NewTestLogger("push")}
	f.options = pushgateway.Options{Store: f.store, Logger: f.logger}
	return f
}

// do sends a request. headers contains names and values in turn.
func (f *fixture) do(method, target string, body io.Reader, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, body)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	handler := f.handler
	if handler == nil {
		handler = pushgateway.NewHandler(f.options)
	}
	handler.ServeHTTP(w, r)
	return w
}

// put sends a PUT to a path below /metrics/job.
func (f *fixture) put(group, body string, headers ...string) *httptest.ResponseRecorder {
	return f.do(http.MethodPut, "/metrics/job"+group, strings.NewReader(body), headers...)
}

// last returns the last push; there must be one.
func (f *fixture) last() aggregator.Push {
	GinkgoHelper()
	Expect(f.store.pushes).NotTo(BeEmpty())
	return f.store.pushes[len(f.store.pushes)-1]
}

const protobufType = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"

// delimited returns the families as delimited protobuf.
func delimited(families ...*dto.MetricFamily) string {
	var b bytes.Buffer
	for _, family := range families {
		if _, err := protodelim.MarshalTo(&b, family); err != nil {
			panic(err)
		}
	}
	return b.String()
}

func familyOf(name string, typ dto.MetricType, metrics ...*dto.Metric) *dto.MetricFamily {
	return &dto.MetricFamily{Name: &name, Type: &typ, Metric: metrics}
}

func gaugeOf(value float64, labels ...string) *dto.Metric {
	return &dto.Metric{Gauge: &dto.Gauge{Value: &value}, Label: pairs(labels...)}
}

func histogramOf(h *dto.Histogram, labels ...string) *dto.Metric {
	return &dto.Metric{Histogram: h, Label: pairs(labels...)}
}

func bucketOf(bound float64, count uint64) *dto.Bucket {
	return &dto.Bucket{UpperBound: &bound, CumulativeCount: &count}
}

func pairs(labels ...string) []*dto.LabelPair {
	var all []*dto.LabelPair
	for i := 0; i < len(labels); i += 2 {
		all = append(all, &dto.LabelPair{Name: &labels[i], Value: &labels[i+1]})
	}
	return all
}

// nativeOf returns a native histogram with 9 observations.
func nativeOf() *dto.Histogram {
	return &dto.Histogram{
		SampleCount: proto.Uint64(9), SampleSum: proto.Float64(20.5),
		Schema: proto.Int32(2), ZeroThreshold: proto.Float64(0.001), ZeroCount: proto.Uint64(1),
		PositiveSpan:  []*dto.BucketSpan{{Offset: proto.Int32(1), Length: proto.Uint32(2)}, {Offset: proto.Int32(3), Length: proto.Uint32(2)}},
		PositiveDelta: []int64{1, 2, -1, -2},
		NegativeSpan:  []*dto.BucketSpan{{Offset: proto.Int32(-2), Length: proto.Uint32(2)}},
		NegativeDelta: []int64{1, 0},
	}
}

// groupFamily returns a family as a part of a group.
func groupFamily(f *dto.MetricFamily, at time.Time) aggregator.GroupFamily {
	return aggregator.GroupFamily{Name: f.GetName(), Help: f.GetHelp(), Type: f.GetType(), Pushed: at, Metrics: slices.Values(f.Metric)}
}
