package metric

// counters lists the Counters of a Monitor with the events that report their growth.
var counters = []struct {
	event   eventTypeID
	values  []string // of the event type's attributes
	counter func(*Monitor) *Counter
}{
	{define("database queries"), nil, func(m *Monitor) *Counter { return &m.DatabaseQueries }},
	{define("containers deleted"), nil, func(m *Monitor) *Counter { return &m.ContainersDeleted }},
	{define("volumes deleted"), nil, func(m *Monitor) *Counter { return &m.VolumesDeleted }},
	{define("volumes streamed"), nil, func(m *Monitor) *Counter { return &m.VolumesStreamed }},
	{define("volumes streamed via fallback"), nil, func(m *Monitor) *Counter { return &m.VolumesStreamedViaFallback }},
	{define("get step cache hits"), nil, func(m *Monitor) *Counter { return &m.GetStepCacheHits }},
	{define("streamed resource caches"), nil, func(m *Monitor) *Counter { return &m.StreamedResourceCaches }},
	{define("containers created"), nil, func(m *Monitor) *Counter { return &m.ContainersCreated }},
	{define("volumes created"), nil, func(m *Monitor) *Counter { return &m.VolumesCreated }},
	{define("failed containers"), nil, func(m *Monitor) *Counter { return &m.FailedContainers }},
	{define("failed volumes"), nil, func(m *Monitor) *Counter { return &m.FailedVolumes }},
	{define("jobs scheduled"), nil, func(m *Monitor) *Counter { return &m.JobsScheduled }},
	{define("builds started"), nil, func(m *Monitor) *Counter { return &m.BuildsStarted }},
	{define("check builds started"), nil, func(m *Monitor) *Counter { return &m.CheckBuildsStarted }},
	{checksFinished, []string{"error"}, func(m *Monitor) *Counter { return &m.ChecksFinishedWithError }},
	{checksFinished, []string{"success"}, func(m *Monitor) *Counter { return &m.ChecksFinishedWithSuccess }},
	{define("checks started"), nil, func(m *Monitor) *Counter { return &m.ChecksStarted }},
	{define("checks enqueued"), nil, func(m *Monitor) *Counter { return &m.ChecksEnqueued }},
}

var checksFinished = define("checks finished", "status")

// gauges lists the Gauges of a Monitor with the events that report their peaks.
var gauges = []struct {
	event eventTypeID
	gauge func(*Monitor) *Gauge
}{
	{define("jobs scheduling"), func(m *Monitor) *Gauge { return &m.JobsScheduling }},
	{define("builds running"), func(m *Monitor) *Gauge { return &m.BuildsRunning }},
	{define("check builds running"), func(m *Monitor) *Gauge { return &m.CheckBuildsRunning }},
	{define("checks queue size"), func(m *Monitor) *Gauge { return &m.ChecksQueueSize }},
}

// The events of a Monitor's families; steps.go has those of waiting steps and tasks.
var (
	concurrentRequests         = define("concurrent requests", "action")
	concurrentRequestsLimitHit = define("concurrent requests limit hit", "action")
)
