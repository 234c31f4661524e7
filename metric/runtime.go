package metric

import (
	"runtime"

	"code.cloudfoundry.org/lager/v3"
)

// runtimeEvents lists the events about the Go runtime. Their values are numbers of
// bytes, or totals since the start of the process, unless noted otherwise.
var runtimeEvents = []struct {
	event eventTypeID
	value func(*runtime.MemStats) float64
}{
	{define("gc pause total duration"), func(m *runtime.MemStats) float64 { return float64(m.PauseTotalNs) }}, // nanoseconds
	{define("mallocs"), func(m *runtime.MemStats) float64 { return float64(m.Mallocs) }},
	{define("frees"), func(m *runtime.MemStats) float64 { return float64(m.Frees) }},
	{define("heap alloc"), func(m *runtime.MemStats) float64 { return float64(m.HeapAlloc) }},
	{define("heap inuse"), func(m *runtime.MemStats) float64 { return float64(m.HeapInuse) }},
	{define("heap objects"), func(m *runtime.MemStats) float64 { return float64(m.HeapObjects) }}, // current number
	{define("stack inuse"), func(m *runtime.MemStats) float64 { return float64(m.StackInuse) }},
	{define("sys"), func(m *runtime.MemStats) float64 { return float64(m.Sys) }},
	{define("num gc"), func(m *runtime.MemStats) float64 { return float64(m.NumGC) }},
	{define("gc cpu fraction"), func(m *runtime.MemStats) float64 { return m.GCCPUFraction * 100 }}, // percent, as Concourse emits it
	{define("next gc"), func(m *runtime.MemStats) float64 { return float64(m.NextGC) }},
	{define("num cpu"), func(*runtime.MemStats) float64 { return float64(runtime.NumCPU()) }},          // current number
	{define("goroutines"), func(*runtime.MemStats) float64 { return float64(runtime.NumGoroutine()) }}, // current number
}

func (m *Monitor) emitRuntime(logger lager.Logger) {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	for _, row := range runtimeEvents {
		m.emit(logger, row.event, row.value(&stats))
	}
}
