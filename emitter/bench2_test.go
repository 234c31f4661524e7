package emitter_test
import ("testing";"code.cloudfoundry.org/lager/v3";"github.com/signalbox-ci/signalbox/metric";"context";"github.com/signalbox-ci/signalbox/emitter";"fmt";"time";"sort";"github.com/prometheus/client_golang/prometheus")
func TestBurst(t *testing.T) {
	events := workerEvents(benchWorkers)
	builds := buildEvents(benchWorkers)
	logger := lager.NewLogger("bench")
	config := &emitter.PrometheusConfig{BindIP: "127.0.0.1", BindPort: "0", MaxSeriesPerMetric: 2_000_000}
	e, _ := config.NewEmitter(nil)
	p := e.(*emitter.Prometheus)
	pr := p.Prepare(metric.EventType{Name:"worker containers",Attributes:[]string{"worker","platform","team_name","tags"}})
	vals := make([][]string,len(events)); for i := range vals { vals[i]=[]string{events[i].Attributes["worker"],"linux","main",""} }
	m := metric.NewMonitor()
	m.RegisterEmitter(&emitter.PrometheusConfig{BindIP: "127.0.0.1", BindPort: "0"})
	m.Initialize(logger, "host", nil, 0)
	defer m.Close(context.Background())
	vec := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "containers"}, []string{"platform", "tags", "team", "worker"})
	ops := []struct{n string; f func(n int)}{
		{"emit", func(n int){ for i := range n { p.Emit(logger, events[i]) } }},
		{"values", func(n int){ for i := range n { pr.EmitValues(logger, 3, vals[i]) } }},
		{"typed", func(n int){ for i := range n { metric.WorkerUsage{ Resource:   metric.WorkerContainers, WorkerName: vals[i][0], Platform:   "linux", TeamName:   "main", Count:      i, }.EmitTo(logger, m) } }},
		{"build", func(n int){ for i := range n { p.Emit(logger, builds[i]) } }},
		{"vec", func(n int){ for i := range n { v:=vals[i]; vec.WithLabelValues(v[1],v[3],v[2],v[0]).Set(3) } }},
		{"map", func(n int){ x:=0; for i := range n { a:=events[i].Attributes; x+=len(a["platform"])+len(a["tags"])+len(a["team_name"])+len(a["worker"]) }; sinkInt+=x }},
	}
	res := make([][]float64,len(ops))
	for range 2000 { for k,o := range ops { s:=time.Now(); o.f(1000); res[k]=append(res[k],float64(time.Since(s))/1000) } }
	for k,o := range ops { sort.Float64s(res[k]); fmt.Printf("%s %.0f/%.0f  ",o.n,res[k][20],res[k][1000]) }
	fmt.Println()
}
var sinkInt int
