package aggregator_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"google.golang.org/protobuf/proto"

	"github.com/signalbox-ci/signalbox/emitter/aggregator"
	"github.com/signalbox-ci/signalbox/internal/exposition"
	"github.com/signalbox-ci/signalbox/internal/pagetest"
	"github.com/signalbox-ci/signalbox/internal/series"
)

// TestModel applies random operations to an aggregator with random options and to a
// much simpler model, and compares their state after each operation.
func TestModel(t *testing.T) {
	for seed := range int64(40) {
		r := rand.New(rand.NewSource(seed))
		w := &world{r: r, stored: r.Intn(4) == 0, aggregated: r.Intn(2) == 0, defaultTTL: []time.Duration{0, 30 * time.Second}[r.Intn(2)]}
		w.fold = []string{"sum", "max", "min", "mean"}[r.Intn(4)]
		name := fmt.Sprintf("seed=%d,stored=%t,aggregated=%t,fold=%s,ttl=%s", seed, w.stored, w.aggregated, w.fold, w.defaultTTL)
		t.Run(name, func(t *testing.T) { w.run(t) })
	}
}

const (
	modelAgentTTL       = 20 * time.Second
	modelMaxAgentSeries = 12 // including sums
	modelMaxGroups      = 5
	modelMaxGroupSeries = 18 // including sums
)

// A world is an aggregator and its model.
type world struct {
	*testing.T
	r     *rand.Rand
	a     *aggregator.Aggregator
	reg   *prometheus.Registry
	clock *fakeClock
	path  string
	log   []string

	stored, aggregated bool
	fold               string
	defaultTTL         time.Duration

	elapsed time.Duration // total time by which the clock has advanced
	groups  map[string]*modelGroup
	sums    map[string]float64 // sums of groups by series
	types   map[string]string  // types of families that have sums
	expired float64            // number of expired groups

	entries   map[string]*modelEntry // series of agents by agent and series
	agents    map[string]bool
	agentSums map[string]float64 // sums of agents by series
	rejected  map[string]float64 // number of rejected metrics by reason
}

type modelGroup struct {
	labels         []aggregator.Label
	pushed, failed time.Time
	ttl            time.Duration
	ownTTL         bool          // a push has set ttl
	until          time.Duration // value of elapsed at which the group expires, unless ttl is 0
	expires        time.Time     // as stored on disk
	families       map[string]modelFamily
}

type modelFamily struct {
	typ    string
	values map[string]float64 // by value of the label a
}

type modelEntry struct {
	typ           aggregator.Type
	agent, name   string
	shown         string
	value         float64
	until, remove time.Duration // values of elapsed at which the entry expires and a sweep removes it
}

func (w *world) run(t *testing.T) {
	w.T = t
	w.clock = newFakeClock()
	w.groups, w.sums, w.types = map[string]*modelGroup{}, map[string]float64{}, map[string]string{}
	steps := 150
	if w.stored {
		w.path = filepath.Join(t.TempDir(), "groups")
		steps = 50
	}
	w.open()
	defer func() { w.a.Close() }()
	for range steps {
		w.step()
		w.compare()
		if w.r.Intn(8) == 0 {
			w.checkPages()
		}
		if t.Failed() {
			t.Log(strings.Join(w.log[max(0, len(w.log)-25):], "\n"))
			return
		}
	}
}

func (w *world) open() {
	w.entries, w.agents, w.agentSums, w.rejected = map[string]*modelEntry{}, map[string]bool{}, map[string]float64{}, map[string]float64{}
	w.expired = 0
	w.reg = prometheus.NewRegistry()
	o := aggregator.Options{
		Registerer: w.reg, Clock: w.clock.Now, AgentTTL: modelAgentTTL, AgentMaxSeries: modelMaxAgentSeries,
		GroupTTL: w.defaultTTL, MaxGroups: modelMaxGroups, GroupMaxSeries: modelMaxGroupSeries, StoragePath: w.path,
	}
	if w.aggregated {
		o.GroupAggregateBy, o.GroupAggregateGauges, o.AgentAggregateBy = []string{"job"}, w.fold, []string{"template_name"}
	}
	var err error
	w.a, err = aggregator.New(o)
	if err != nil {
		w.Fatal(err)
	}
	w.reg.MustRegister(w.a)
}

// checkPages checks that Prometheus can parse the metrics page in every format, and
// finds no series twice.
func (w *world) checkPages() {
	sources := exposition.NewSources(series.NewStore(series.Options{}), func(string) string { return "" })
	sources.Push(w.a)
	page := sources.Page()
	page.Others, page.Created = nil, true
	for _, accept := range pagetest.Formats {
		format := expfmt.NegotiateAccept(http.Header{"Accept": {accept}}, expfmt.DefaultOpenMetricsAcceptedFormats()...)
		var b bytes.Buffer
		if err := page.Write(&b, format); err != nil {
			w.Errorf("%s: %v", format, err)
		}
		if err := pagetest.Check(b.Bytes(), string(format)); err != nil {
			w.Errorf("%s: %v\n%s", format, err, b.Bytes())
		}
	}
}

func (w *world) did(format string, args ...any) { w.log = append(w.log, fmt.Sprintf(format, args...)) }

func (w *world) step() {
	switch n := w.r.Intn(100); {
	case n < 40:
		w.push()
	case n < 65:
		w.update()
	case n < 80:
		d := time.Duration(w.r.Intn(12)) * time.Second
		w.did("%s later", d)
		w.clock.Advance(d)
		w.elapsed += d
		w.expire()
	case n < 82:
		w.did("the clock is set back")
		w.clock.Advance(-time.Duration(w.r.Intn(60)) * time.Second)
		groupsOf(w.a) // reads the clock, so that the next advance is counted in full
	case n < 88:
		w.sweep()
	case n < 93:
		g := w.grouping()
		w.did("delete %v", g)
		if err := w.a.Groups.Delete(context.Background(), g); err != nil {
			w.Error(err)
		}
		delete(w.groups, keyOf(g))
	case n < 96:
		w.did("wipe")
		if err := w.a.Groups.Wipe(context.Background()); err != nil {
			w.Error(err)
		}
		clear(w.groups)
		clear(w.sums)
		clear(w.types)
	case w.stored:
		w.did("restart")
		if err := w.a.Close(); err != nil {
			w.Error(err)
		}
		w.restart()
	}
}

// restart opens a new aggregator, and changes the model as a restart does.
func (w *world) restart() {
	w.open()
	for _, g := range w.groups {
		if g.ttl > 0 {
			g.until = w.elapsed + min(g.expires.Sub(w.clock.Now()), g.ttl)
		}
	}
	w.expire()
}

// kill restarts with a copy of the file that is taken before the aggregator is closed.
func (w *world) kill() {
	w.did("kill")
	content, err := os.ReadFile(w.path)
	if err != nil {
		w.Fatal(err)
	}
	w.a.Close()
	w.path = filepath.Join(w.TempDir(), "groups")
	if err := os.WriteFile(w.path, content, 0o600); err != nil {
		w.Fatal(err)
	}
	w.restart()
}

func (w *world) grouping() []aggregator.Label {
	labels := []aggregator.Label{{Name: "job", Value: []string{"a", "b"}[w.r.Intn(2)]}}
	if n := w.r.Intn(4); n > 0 {
		labels = append(labels, aggregator.Label{Name: "run", Value: strconv.Itoa(n)})
	}
	return labels
}

func keyOf(labels []aggregator.Label) (key string) {
	for _, l := range labels {
		key += fmt.Sprintf(",%s=%q", l.Name, l.Value)
	}
	return key[1:]
}

// group returns the group, and creates it unless the limit is reached. It returns nil
// if the limit is reached.
func (w *world) group(labels []aggregator.Label) *modelGroup {
	g := w.groups[keyOf(labels)]
	if g == nil && len(w.groups) < modelMaxGroups {
		g = &modelGroup{labels: labels, families: map[string]modelFamily{}}
		w.groups[keyOf(labels)] = g
	}
	return g
}

func (w *world) fail(g *modelGroup) {
	g.failed = w.clock.Now()
	if g.pushed.IsZero() {
		w.setTTL(g, w.defaultTTL)
	}
	g.expires = g.failed.Add(g.until - w.elapsed)
}

func (w *world) setTTL(g *modelGroup, ttl time.Duration) {
	g.ttl, g.until, g.expires = ttl, w.elapsed+ttl, w.clock.Now().Add(ttl)
}

func (w *world) expire() {
	for key, g := range w.groups {
		if g.ttl > 0 && g.until <= w.elapsed {
			delete(w.groups, key)
			w.expired++
		}
	}
}

var modelTypes = map[string][]string{"x": {"counter"}, "h": {"histogram"}, "y": {"gauge"}, "z": {"gauge", "untyped", "counter"}}

func (w *world) push() {
	p := aggregator.Push{Grouping: w.grouping(), Replace: w.r.Intn(2) == 0}
	ttl := w.defaultTTL
	if w.r.Intn(3) == 0 {
		ttl = []time.Duration{0, 5 * time.Second, time.Minute}[w.r.Intn(3)]
		p.TTL = &ttl
	}
	families := map[string]modelFamily{}
	for name, types := range modelTypes {
		if w.r.Intn(2) == 0 {
			continue
		}
		f := modelFamily{types[w.r.Intn(len(types))], map[string]float64{}}
		for _, own := range []string{"", "1", "2"} {
			if w.r.Intn(2) == 0 {
				f.values[own] = float64(w.r.Intn(20))
			}
		}
		families[name] = f
		p.Families = append(p.Families, clientFamily(name, []string{"", "one", "two"}[w.r.Intn(3)], f))
		if w.r.Intn(3) == 0 {
			addEmptyLabel(p.Families[len(p.Families)-1])
		}
	}
	bad := w.r.Intn(20) == 0
	if bad {
		p.Families = append(p.Families, clientFamily("a-b", "", modelFamily{typ: "gauge"}))
	}
	err := w.a.Groups.Push(context.Background(), p)
	w.did("push to %v, replace %t, ttl %s: %v: %v", p.Grouping, p.Replace, ttl, families, err)

	want := w.refusal(p, families, bad)
	var got aggregator.Refusal
	if e := (*aggregator.PushError)(nil); errors.As(err, &e) {
		got = e.Refusal
	}
	if got != want {
		w.Errorf("pushed: %v, want refusal %d", err, want)
	}
	g := w.group(p.Grouping)
	if g == nil {
		return
	}
	if want != 0 {
		w.fail(g)
		return
	}
	w.apply(g, families, p.Replace)
	g.pushed = w.clock.Now()
	if p.TTL == nil && g.ownTTL {
		ttl = g.ttl
	}
	g.ownTTL = g.ownTTL || p.TTL != nil
	w.setTTL(g, ttl)
	if w.stored && w.r.Intn(8) == 0 {
		w.kill()
	}
}

// refusal returns the expected reason for rejecting a push, or 0.
func (w *world) refusal(p aggregator.Push, families map[string]modelFamily, bad bool) aggregator.Refusal {
	key := keyOf(p.Grouping)
	if w.groups[key] == nil && len(w.groups) == modelMaxGroups {
		return aggregator.LimitReached
	}
	if bad {
		return aggregator.Inconsistent
	}
	size, before := len(w.sums), len(w.sums)
	clash := false
	for other, g := range w.groups {
		for name, f := range g.families {
			before += len(f.values)
			if pushed, ok := families[name]; ok && len(pushed.values) > 0 && pushed.typ != f.typ && (other != key || w.aggregated) {
				clash = true
			}
			if _, named := families[name]; other != key || !p.Replace && !named {
				size += len(f.values)
			}
		}
	}
	for name, f := range families {
		if typ := w.types[name]; len(f.values) > 0 && typ != "" && typ != f.typ {
			clash = true
		}
		size += len(f.values)
		if w.aggregated && (f.typ == "counter" || f.typ == "histogram") {
			for own := range f.values {
				if _, ok := w.sums[w.shown(name, own, &modelGroup{labels: p.Grouping})]; !ok {
					size++
				}
			}
		}
	}
	if size > before && size > modelMaxGroupSeries {
		return aggregator.LimitReached
	}
	if clash {
		return aggregator.Inconsistent
	}
	return 0
}

func (w *world) apply(g *modelGroup, families map[string]modelFamily, replace bool) {
	for name, f := range families {
		if w.aggregated && (f.typ == "counter" || f.typ == "histogram") {
			for own, v := range f.values {
				before, ok := g.families[name].values[own]
				if !ok || v < before {
					before = 0
				}
				w.sums[w.shown(name, own, g)] += v - before
				w.types[name] = f.typ
			}
		}
	}
	if replace {
		clear(g.families)
	}
	for name, f := range families {
		if g.families[name] = f; len(f.values) == 0 {
			delete(g.families, name)
		}
	}
}

// shown returns the name and labels with which a series of a group is served.
func (w *world) shown(name, own string, g *modelGroup) string {
	labels := []aggregator.Label{{Name: "instance"}}
	if own != "" {
		labels = append(labels, aggregator.Label{Name: "a", Value: own})
	}
	for _, l := range g.labels {
		if l.Name == "job" || !w.aggregated {
			labels = append(labels, l)
		}
	}
	slices.SortFunc(labels, func(a, b aggregator.Label) int { return strings.Compare(a.Name, b.Name) })
	return name + "{" + keyOf(labels) + "}"
}

func (w *world) update() {
	labels := aggregator.Labels{Username: []string{"alice", "bob"}[w.r.Intn(2)], TemplateName: []string{"go", "rust"}[w.r.Intn(2)]}
	agent := fmt.Sprint(labels)
	if w.r.Intn(3) == 0 {
		w.sweep() // otherwise, types would depend on series that are not removed yet
	}
	w.agents[agent] = true
	var metrics []aggregator.Metric
	wrong := 0
	summed := map[string]bool{}
	for range w.r.Intn(5) {
		m := aggregator.Metric{Name: "agent_c", Type: aggregator.Counter, Value: float64(w.r.Intn(20))}
		switch w.r.Intn(4) {
		case 0:
			m.Name, m.Type = "agent_g", aggregator.Gauge
		case 1:
			m.Name, m.Type = "y", aggregator.Gauge // groups also push this metric
			if w.aggregated || w.heldByGroup("y") != "" && w.heldByGroup("y") != "gauge" {
				continue
			}
		}
		own := w.r.Intn(3)
		if own > 0 {
			m.Labels = []aggregator.Label{{Name: "a", Value: strconv.Itoa(own)}, {Name: "b"}}
			w.r.Shuffle(2, func(i, j int) { m.Labels[i], m.Labels[j] = m.Labels[j], m.Labels[i] })
		}
		if w.r.Intn(20) == 0 {
			m.Value = -1
		}
		metrics = append(metrics, m)
		key := fmt.Sprint(m.Name, own)
		if m.Value >= 0 && summed[key] {
			w.rejected["clash"]++ // duplicated in one update
			wrong++
			continue
		}
		ok := w.updateOne(labels, agent, own, m)
		if !ok {
			wrong++
		}
		summed[key] = summed[key] || ok && w.aggregated && m.Type == aggregator.Counter
	}
	w.agents[agent] = false
	for _, e := range w.entries {
		w.agents[e.agent] = true
	}
	if !w.agents[agent] {
		delete(w.agents, agent)
	}
	err := w.a.Agents.Update(context.Background(), labels, metrics)
	w.did("update of %v: %v: %v", labels, metrics, err)
	got := 0
	if e := (*aggregator.RejectedError)(nil); errors.As(err, &e) {
		got = len(e.Rejections)
	}
	if got != wrong {
		w.Errorf("%d rejected, want %d: %v", got, wrong, err)
	}
}

func (w *world) heldByGroup(name string) string {
	for _, g := range w.groups {
		if f, ok := g.families[name]; ok {
			return f.typ
		}
	}
	return ""
}

func (w *world) updateOne(labels aggregator.Labels, agent string, own int, m aggregator.Metric) bool {
	if m.Value < 0 && m.Type == aggregator.Counter {
		w.rejected["negative"]++
		return false
	}
	key := fmt.Sprint(agent, m.Name, own)
	e := w.entries[key]
	if e == nil {
		if len(w.entries)+len(w.agentSums) >= modelMaxAgentSeries {
			w.rejected["series_limit"]++
			return false
		}
		e = &modelEntry{typ: m.Type, agent: agent, name: m.Name}
		var shown []aggregator.Label
		if own > 0 {
			shown = append(shown, aggregator.Label{Name: "a", Value: strconv.Itoa(own)})
		}
		shown = append(shown, aggregator.Label{Name: "template_name", Value: labels.TemplateName})
		if !w.aggregated {
			shown = append(shown, aggregator.Label{Name: "username", Value: labels.Username})
		}
		e.shown = m.Name + "{" + keyOf(shown) + "}"
		w.entries[key] = e
	}
	e.until = w.elapsed + modelAgentTTL
	e.remove = e.until
	if w.aggregated && m.Type == aggregator.Counter {
		if e.remove += 9 * modelAgentTTL; m.Value >= e.value {
			w.agentSums[e.shown] += m.Value - e.value
		} else {
			w.agentSums[e.shown] += m.Value
		}
	}
	e.value = m.Value
	return true
}

func (w *world) sweep() {
	w.did("sweep")
	w.a.Sweep()
	clear(w.agents)
	for key, e := range w.entries {
		if e.remove <= w.elapsed {
			delete(w.entries, key)
		} else {
			w.agents[e.agent] = true
		}
	}
}

// compare compares the page, the groups and the self-metrics with the model.
func (w *world) compare() {
	families, err := w.reg.Gather()
	if err != nil {
		w.Errorf("scrape: %v", err)
	}
	var b bytes.Buffer
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "signalbox_") {
			expfmt.MetricFamilyToText(&b, f)
		}
	}
	var got []string
	for line := range strings.Lines(b.String()) {
		if !strings.HasPrefix(line, "#") {
			got = append(got, strings.Replace(strings.TrimSpace(line), `a="",`, "", 1)) // see addEmptyLabel
		}
	}
	slices.Sort(got)
	if want := w.page(); !slices.Equal(got, want) {
		w.Errorf("the page is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}

	groups, series := groupsOf(w.a), 0
	if len(groups) != len(w.groups) {
		w.Errorf("got %d groups, want %d", len(groups), len(w.groups))
	}
	for _, g := range groups {
		m := w.groups[keyOf(g.Labels)]
		if m == nil {
			w.Errorf("got unexpected group %v", g.Labels)
			continue
		}
		if !g.Pushed.Equal(m.pushed) || !g.Failed.Equal(m.failed) || g.TTL != m.ttl || g.Expires.IsZero() != (m.ttl == 0) ||
			!g.Expires.IsZero() && g.Expires.Sub(w.clock.Now()) != m.until-w.elapsed {
			w.Errorf("group %+v, want %+v", g, m)
		}
		for _, family := range g.Families {
			f := familyOfGroup(family)
			series += len(f.Metric)
			if want := len(m.families[f.GetName()].values); len(f.Metric) != want {
				w.Errorf("group %v has %d series of %s, want %d", g.Labels, len(f.Metric), f.GetName(), want)
			}
		}
		if len(g.Families) != len(m.families) {
			w.Errorf("group %v has %d families, want %d", g.Labels, len(g.Families), len(m.families))
		}
	}
	self := map[string]float64{
		"signalbox_push_groups": float64(len(w.groups)), "signalbox_push_series": float64(series),
		"signalbox_push_sums": float64(len(w.sums)), "signalbox_agents": float64(len(w.agents)), "signalbox_push_groups_expired_total": w.expired,
	}
	for why, n := range w.rejected {
		self["signalbox_agent_metrics_rejected_total"+why] = n
	}
	least := len(w.agentSums) // expired series may have been removed or not
	for _, e := range w.entries {
		if e.remove > w.elapsed {
			least++
		}
	}
	if got := selfValueOf(w.reg, "signalbox_agent_series"); got < float64(least) || got > float64(len(w.entries)+len(w.agentSums)) {
		w.Errorf("signalbox_agent_series is %v, want %d to %d", got, least, len(w.entries)+len(w.agentSums))
	}
	families, _ = w.reg.Gather() // again, because listing the groups has removed the expired ones
	for _, f := range families {
		for _, m := range f.Metric {
			key := f.GetName()
			for _, l := range m.Label {
				key += l.GetValue()
			}
			if want, ok := self[key]; ok && m.GetCounter().GetValue()+m.GetGauge().GetValue() != want {
				w.Errorf("%s is %v, want %v", key, m.GetCounter().GetValue()+m.GetGauge().GetValue(), want)
			}
		}
	}
}

// page returns the expected lines of the page, sorted.
func (w *world) page() []string {
	values := map[string][]float64{}
	add := func(series string, v float64) { values[series] = append(values[series], v) }
	latest := func(series string, t time.Time) {
		v := 0.0
		if !t.IsZero() {
			v = float64(t.UnixNano()) / 1e9
		}
		if old := values[series]; len(old) == 0 || old[0] < v {
			values[series] = []float64{v}
		}
	}
	result := map[string]float64{}
	histogram := func(series string, v float64) {
		labels := strings.TrimSuffix(strings.TrimPrefix(series, "h{"), "}")
		result["h_sum{"+labels+"}"], result["h_count{"+labels+"}"] = v, v
		result["h_bucket{"+labels+`,le="1"}`], result["h_bucket{"+labels+`,le="+Inf"}`] = v, v
	}
	for _, g := range w.groups {
		latest(w.shown("push_time_seconds", "", g), g.pushed)
		latest(w.shown("push_failure_time_seconds", "", g), g.failed)
		for name, f := range g.families {
			for own, v := range f.values {
				switch series := w.shown(name, own, g); {
				case w.aggregated && (f.typ == "counter" || f.typ == "histogram"): // in the sums
				case f.typ == "histogram":
					histogram(series, v)
				default:
					add(series, v)
				}
			}
		}
	}
	for series, v := range w.sums {
		if strings.HasPrefix(series, "h{") {
			histogram(series, v)
		} else {
			result[series] = v
		}
	}
	for series, v := range values {
		switch sum := 0.0; {
		case len(v) == 1:
			result[series] = v[0]
		case w.fold == "max":
			result[series] = slices.Max(v)
		case w.fold == "min":
			result[series] = slices.Min(v)
		default:
			for _, v := range v {
				sum += v
			}
			if result[series] = sum; w.fold == "mean" {
				result[series] = sum / float64(len(v))
			}
		}
	}
	for series, v := range w.agentSums {
		result[series] = v
	}
	for _, e := range w.entries {
		if e.until > w.elapsed && !(w.aggregated && e.typ == aggregator.Counter) {
			result[e.shown] += e.value
		}
	}
	var lines []string
	for _, series := range slices.Sorted(maps.Keys(result)) {
		lines = append(lines, series+" "+strconv.FormatFloat(result[series], 'g', -1, 64))
	}
	slices.Sort(lines)
	return lines
}

func clientFamily(name, help string, f modelFamily) *dto.MetricFamily {
	mf := &dto.MetricFamily{Name: &name, Help: &help, Type: dto.MetricType(dto.MetricType_value[strings.ToUpper(f.typ)]).Enum()}
	for own, v := range f.values {
		m := &dto.Metric{}
		if own != "" {
			m.Label = []*dto.LabelPair{{Name: proto.String("a"), Value: &own}}
		}
		switch n := uint64(v); f.typ {
		case "counter":
			m.Counter = &dto.Counter{Value: &v}
		case "gauge":
			m.Gauge = &dto.Gauge{Value: &v}
		case "untyped":
			m.Untyped = &dto.Untyped{Value: &v}
		case "histogram":
			m.Histogram = &dto.Histogram{SampleCount: &n, SampleSum: &v, Bucket: []*dto.Bucket{{UpperBound: proto.Float64(1), CumulativeCount: &n}}}
		}
		mf.Metric = append(mf.Metric, m)
	}
	return mf
}

// addEmptyLabel adds an empty label to the metrics without a label, which must make no
// difference.
func addEmptyLabel(mf *dto.MetricFamily) {
	for _, m := range mf.Metric {
		if len(m.Label) == 0 {
			m.Label = []*dto.LabelPair{{Name: proto.String("a"), Value: proto.String("")}}
		}
	}
}

// selfValueOf returns the value of a gauge without labels, or -1.
func selfValueOf(from prometheus.Gatherer, name string) float64 {
	families, _ := from.Gather()
	for _, f := range families {
		if f.GetName() == name {
			return f.Metric[0].GetGauge().GetValue()
		}
	}
	return -1
}
