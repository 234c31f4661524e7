package metric_test

import (
	"context"
	"time"

	"code.cloudfoundry.org/lager/v3"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/metric"
)

// build is a metric.Build.
type build struct {
	attributes map[string]string
	status     metric.BuildStatus
	start, end time.Time
}

func (*build) ID() int                         { return 22 }
func (b *build) Attributes() map[string]string { return b.attributes }
func (b *build) Status() metric.BuildStatus    { return b.status }
func (b *build) StartTime() time.Time          { return b.start }
func (b *build) EndTime() time.Time            { return b.end }

type typedCall interface {
	Emit(lager.Logger)
	EmitTo(lager.Logger, *metric.Monitor)
}

type attributes = map[string]string

var (
	midnight = time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)

	jobBuild = &build{
		attributes: attributes{"build": "1", "build_id": "22", "job": "slow", "pipeline": "core", "team_name": "main"},
		status:     metric.BuildErrored,
		start:      midnight,
		end:        midnight.Add(2092617 * time.Microsecond),
	}
	checkBuild = &build{
		attributes: attributes{"build": "check", "build_id": "1", "pipeline": "core", "pre_build_id": "1", "resource": "fixed", "team": "main"},
		status:     metric.BuildSucceeded,
		start:      midnight,
		end:        midnight.Add(time.Second),
	}
	neverStarted = &build{
		attributes: attributes{"team_name": "main"},
		status:     metric.BuildAborted,
		end:        midnight,
	}
	endsBeforeItStarts = &build{status: metric.BuildFailed, start: midnight, end: midnight.Add(-time.Hour)}

	stepLabels = metric.StepsWaitingLabels{Platform: "linux", TeamId: "1", TeamName: "main", Type: "task", WorkerTags: "special"}
	taskLabels = metric.TasksWaitingLabels{TeamId: "1", WorkerTags: "special", Platform: "linux"}
)

// An emitted is a typed call and the events that it emits.
type emitted struct {
	call   typedCall
	events []metric.Event
}

// typedCalls lists all typed calls.
var typedCalls = append(concourseCalls, ciCalls...)

// concourseCalls are the typed calls about Concourse, with the events that a node emits
// for them.
var concourseCalls = []emitted{
	{metric.BuildStarted{Build: jobBuild}, []metric.Event{
		{Name: "build started", Value: 22, Attributes: attributes{"build": "1", "build_id": "22", "job": "slow", "pipeline": "core", "team_name": "main"}}}},
	{metric.BuildFinished{Build: jobBuild}, []metric.Event{
		{Name: "build finished", Value: 2092.617, Attributes: attributes{"build": "1", "build_id": "22", "build_status": "errored", "job": "slow", "pipeline": "core", "team_name": "main"}}}},
	{metric.BuildFinished{Build: neverStarted}, []metric.Event{
		{Name: "build finished", Value: 0, Attributes: attributes{"build_status": "aborted", "team_name": "main"}}}},
	{metric.BuildFinished{Build: endsBeforeItStarts}, []metric.Event{
		{Name: "build finished", Value: 0, Attributes: attributes{"build_status": "failed"}}}},
	{metric.CheckBuildFinished{Build: checkBuild}, []metric.Event{
		{Name: "check build finished", Value: 1000, Attributes: attributes{"build": "check", "build_id": "1", "build_status": "succeeded", "pipeline": "core", "pre_build_id": "1", "resource": "fixed", "team": "main"}}}},

	{metric.WorkerUsage{Resource: metric.WorkerContainers, WorkerName: "w", Platform: "linux", TeamName: "t", Tags: []string{"plain", "bulky"}, Count: 3}, []metric.Event{
		{Name: "worker containers", Value: 3, Attributes: attributes{"platform": "linux", "tags": "plain/bulky", "team_name": "t", "worker": "w"}}}},
	{metric.WorkerUsage{Resource: metric.WorkerVolumes, WorkerName: "w", Platform: "linux", Tags: []string{"a", "b", "c"}, Count: 4}, []metric.Event{
		{Name: "worker volumes", Value: 4, Attributes: attributes{"platform": "linux", "tags": "a/b/c", "team_name": "", "worker": "w"}}}},
	{metric.WorkerUsage{Resource: metric.WorkerVolumes, WorkerName: "w", Tags: []string{"special"}, Count: 4}, []metric.Event{
		{Name: "worker volumes", Value: 4, Attributes: attributes{"platform": "", "tags": "special", "team_name": "", "worker": "w"}}}},
	{metric.WorkerUsage{Resource: metric.WorkerTasks, WorkerName: "w", Platform: "linux", TeamName: "ignored", Count: 5}, []metric.Event{
		{Name: "worker tasks", Value: 5, Attributes: attributes{"platform": "linux", "worker": "w"}}}},
	{metric.WorkerUsage{Resource: metric.WorkerUnknownContainers, WorkerName: "w", Count: 6}, []metric.Event{
		{Name: "worker unknown containers", Value: 6, Attributes: attributes{"worker": "w"}}}},
	{metric.WorkerUsage{Resource: metric.WorkerUnknownVolumes, WorkerName: "w", Count: 7}, []metric.Event{
		{Name: "worker unknown volumes", Value: 7, Attributes: attributes{"worker": "w"}}}},
	{metric.WorkerStates{Running: 5, Stalled: 1, Landing: 2, Retiring: 3}, []metric.Event{
		{Name: "worker state", Value: 5, Attributes: attributes{"state": "running"}},
		{Name: "worker state", Value: 1, Attributes: attributes{"state": "stalled"}},
		{Name: "worker state", Value: 2, Attributes: attributes{"state": "landing"}},
		{Name: "worker state", Value: 0, Attributes: attributes{"state": "landed"}},
		{Name: "worker state", Value: 3, Attributes: attributes{"state": "retiring"}}}},

	{metric.LockAcquired{LockType: "Batch"}, []metric.Event{
		{Name: "lock held", Value: 1, Attributes: attributes{"type": "Batch"}}}},
	{metric.LockReleased{LockType: "Batch"}, []metric.Event{
		{Name: "lock held", Value: 0, Attributes: attributes{"type": "Batch"}}}},

	{metric.SchedulingJobDuration{PipelineName: "core", JobName: "stream", JobID: 1414, Duration: 41541286 * time.Nanosecond}, []metric.Event{
		{Name: "scheduling: job duration (ms)", Value: 41.541286, Attributes: attributes{"job": "stream", "job_id": "1414", "pipeline": "core"}}}},
	{metric.SchedulingJobDuration{JobID: -7}, []metric.Event{
		{Name: "scheduling: job duration (ms)", Value: 0, Attributes: attributes{"job": "", "job_id": "-7", "pipeline": ""}}}},
	{metric.JobStatus{Status: metric.BuildSucceeded, JobName: "j", PipelineName: "p", TeamName: "t"}, []metric.Event{
		{Name: "latest completed build status", Value: 0, Attributes: attributes{"jobName": "j", "pipelineName": "p", "teamName": "t"}}}},
	{metric.JobStatus{Status: metric.BuildFailed}, []metric.Event{
		{Name: "latest completed build status", Value: 1, Attributes: attributes{"jobName": "", "pipelineName": "", "teamName": ""}}}},
	{metric.JobStatus{Status: metric.BuildAborted}, []metric.Event{
		{Name: "latest completed build status", Value: 2, Attributes: attributes{"jobName": "", "pipelineName": "", "teamName": ""}}}},
	{metric.JobStatus{Status: metric.BuildErrored}, []metric.Event{
		{Name: "latest completed build status", Value: 3, Attributes: attributes{"jobName": "", "pipelineName": "", "teamName": ""}}}},

	{metric.StepsWaitingDuration{Labels: stepLabels, Duration: 4721897 * time.Nanosecond}, []metric.Event{
		{Name: "steps waiting duration", Value: 0.004721897, Attributes: attributes{"platform": "linux", "teamId": "1", "teamName": "main", "type": "task", "workerTags": "special"}}}},
	{metric.TasksWaitingDuration{Labels: taskLabels, Duration: 90 * time.Second}, []metric.Event{
		{Name: "tasks waiting duration", Value: 90, Attributes: attributes{"platform": "linux", "teamId": "1", "workerTags": "special"}}}},

	{metric.HTTPResponseTime{Route: "GetInfo", Path: "/api/v1/info", Method: "GET", StatusCode: 200, Duration: 93765 * time.Nanosecond}, []metric.Event{
		{Name: "http response time", Value: 0.093765, Attributes: attributes{"method": "GET", "path": "/api/v1/info", "route": "GetInfo", "status": "200"}}}},
	{metric.ErrorLog{Message: "atc.broken"}, []metric.Event{
		{Name: "error log", Value: 1, Attributes: attributes{"message": "atc.broken"}}}},

	{metric.CollectorDuration{Collector: metric.BuildCollector, Duration: time.Second}, collected("gc: build collector duration (ms)")},
	{metric.CollectorDuration{Collector: metric.WorkerCollector, Duration: time.Second}, collected("gc: worker collector duration (ms)")},
	{metric.CollectorDuration{Collector: metric.ResourceCacheUseCollector, Duration: time.Second}, collected("gc: resource cache use collector duration (ms)")},
	{metric.CollectorDuration{Collector: metric.ResourceConfigCollector, Duration: time.Second}, collected("gc: resource config collector duration (ms)")},
	{metric.CollectorDuration{Collector: metric.ResourceCacheCollector, Duration: time.Second}, collected("gc: resource cache collector duration (ms)")},
	{metric.CollectorDuration{Collector: metric.TaskCacheCollector, Duration: time.Second}, collected("gc: task cache collector duration (ms)")},
	{metric.CollectorDuration{Collector: metric.ResourceConfigCheckSessionCollector, Duration: time.Second}, collected("gc: resource config check session collector duration (ms)")},
	{metric.CollectorDuration{Collector: metric.ArtifactCollector, Duration: time.Second}, collected("gc: artifact collector duration (ms)")},
	{metric.CollectorDuration{Collector: metric.ContainerCollector, Duration: time.Second}, collected("gc: container collector duration (ms)")},
	{metric.CollectorDuration{Collector: metric.VolumeCollector, Duration: time.Second}, collected("gc: volume collector duration (ms)")},

	{metric.ToBeGarbageCollected{Garbage: metric.CreatingContainers, Count: 9}, garbage("creating containers to be garbage collected")},
	{metric.ToBeGarbageCollected{Garbage: metric.CreatedContainers, Count: 9}, garbage("created containers to be garbage collected")},
	{metric.ToBeGarbageCollected{Garbage: metric.FailedContainers, Count: 9}, garbage("failed containers to be garbage collected")},
	{metric.ToBeGarbageCollected{Garbage: metric.DestroyingContainers, Count: 9}, garbage("destroying containers to be garbage collected")},
	{metric.ToBeGarbageCollected{Garbage: metric.OrphanedVolumes, Count: 9}, garbage("orphaned volumes to be garbage collected")},
	{metric.ToBeGarbageCollected{Garbage: metric.CreatedVolumes, Count: 9}, garbage("created volumes to be garbage collected")},
	{metric.ToBeGarbageCollected{Garbage: metric.DestroyingVolumes, Count: 9}, garbage("destroying volumes to be garbage collected")},
	{metric.ToBeGarbageCollected{Garbage: metric.FailedVolumes, Count: 9}, garbage("failed volumes to be garbage collected")},
}

func collected(name string) []metric.Event {
	return []metric.Event{{Name: name, Value: 1000, Attributes: attributes{}}}
}

func garbage(name string) []metric.Event {
	return []metric.Event{{Name: name, Value: 9, Attributes: attributes{}}}
}

// withNode returns the events as a node with the given attribute emits them.
func withNode(events []metric.Event, name, value string) []metric.Event {
	with := make([]metric.Event, len(events))
	for i, event := range events {
		with[i] = event
		with[i].Attributes = attributes{name: value}
		for k, v := range event.Attributes {
			with[i].Attributes[k] = v
		}
	}
	return with
}

// stamped removes the host and the time from the events. It fails the test if an event
// lacks one of them.
func stamped(events []metric.Event) []metric.Event {
	GinkgoHelper()
	for i := range events {
		Expect(events[i].Host).To(Equal("web-1"))
		Expect(events[i].Time).NotTo(BeZero())
		events[i].Host, events[i].Time = "", time.Time{}
	}
	return events
}

var _ = Describe("A typed call", func() {
	for _, node := range []attributes{nil, {"zone": "b"}} {
		for _, c := range typedCalls {
			c := c
			if node != nil {
				c.events = withNode(c.events, "zone", "b")
			}

			It("emits "+c.events[0].Name+" to every kind of emitter", func() {
				logger, lines := newLogger()
				typed, concurrent, queued := &typedRecorder{}, &concurrentRecorder{}, &recorder{}
				monitor := metric.NewMonitor()
				for _, emitter := range []metric.Emitter{typed, concurrent, queued} {
					monitor.RegisterEmitter(&factory{name: "fake", emitter: emitter})
				}
				Expect(monitor.Initialize(logger, "web-1", node, 0)).To(Succeed())
				// Emit all typed calls first, to detect values that remain in reused
				// memory.
				for _, other := range typedCalls {
					other.call.EmitTo(logger, monitor)
				}
				before := len(concurrent.Events())
				beforeTyped := len(typed.typed.Events())
				c.call.EmitTo(logger, monitor)
				Expect(monitor.Close(context.Background())).To(Succeed())

				Expect(stamped(concurrent.Events())[before:]).To(Equal(c.events))
				Expect(stamped(queued.Events())[before:]).To(Equal(c.events))
				got := typed.typed.Events()[beforeTyped:]
				if len(got) == 0 { // a build event, which has no EventType and so goes to Emit
					got = typed.Events()[len(typed.Events())-1:]
					got[0].Host, got[0].Time = "", time.Time{}
				}
				Expect(got).To(Equal(c.events))
				Expect(lines.Lines()).To(BeEmpty())
			})
		}
	}

	It("emits to Metrics by default", func() {
		logger, _ := newLogger()
		emitter := &typedRecorder{}
		metric.Metrics.RegisterEmitter(&factory{name: "fake", emitter: emitter})
		Expect(metric.Metrics.Initialize(logger, "web-1", nil, 0)).To(Succeed())
		DeferCleanup(func() {
			Expect(metric.Metrics.Close(context.Background())).To(Succeed())
			metric.Metrics = metric.NewMonitor()
		})
		var want []metric.Event
		for _, c := range typedCalls {
			c.call.Emit(logger)
			want = append(want, c.events...)
		}
		got := append(emitter.Events(), emitter.typed.Events()...)
		for i := range got {
			got[i].Host = ""
		}
		Expect(got).To(ConsistOf(want))
	})

	DescribeTable("with an invalid argument is logged and not emitted",
		func(call typedCall, message, reason string) {
			logger, lines := newLogger()
			emitter := &concurrentRecorder{}
			call.EmitTo(logger, started(logger, nil, emitter))
			Expect(emitter.Events()).To(BeEmpty())
			Expect(lines.Lines()).To(HaveLen(1))
			Expect(lines.Lines()[0].Message).To(Equal(message))
			Expect(lines.Lines()[0].Error).To(MatchError(metric.ErrFailedToEmit))
			Expect(lines.Lines()[0].Error).To(MatchError(ContainSubstring(reason)))
		},
		Entry("collector", metric.CollectorDuration{Collector: 10}, "ci.unknown-event", "collector 10, expected one of 0 to 9"),
		Entry("garbage", metric.ToBeGarbageCollected{Garbage: 255}, "ci.unknown-event", "kind of garbage 255, expected one of 0 to 7"),
		Entry("resource", metric.WorkerUsage{Resource: 5}, "ci.unknown-event", "worker resource 5, expected one of 0 to 4"),
		Entry("status", metric.JobStatus{Status: "pending", JobName: "unit"}, "ci.unknown-build-status", `job "unit" has build status "pending"`),
	)

	It("joins tags of any length", func() {
		logger, _ := newLogger()
		emitter := &concurrentRecorder{}
		monitor := started(logger, nil, emitter)
		long := string(make([]byte, 300))
		for range 2 {
			metric.WorkerUsage{Tags: []string{long, "x", ""}}.EmitTo(logger, monitor)
		}
		for _, event := range emitter.Events() {
			Expect(event.Attributes).To(HaveKeyWithValue("tags", long+"/x/"))
		}
	})
})

var _ = Describe("CountWorkerStates", func() {
	type state string // a scheduler's own type

	It("counts the workers in each state", func() {
		states, err := metric.CountWorkerStates(map[string]state{
			"a": "running", "b": "running", "c": "stalled", "d": "landing", "e": "landed", "f": "retiring",
		})
		Expect(err).NotTo(HaveOccurred())
		Expect(states).To(Equal(metric.WorkerStates{Running: 2, Stalled: 1, Landing: 1, Landed: 1, Retiring: 1}))
	})

	It("names a worker in an unknown state", func() {
		states, err := metric.CountWorkerStates(map[string]state{"a": "running", "b": "dancing"})
		Expect(err).To(MatchError(ContainSubstring(`worker "b" is in state "dancing"`)))
		Expect(states).To(Equal(metric.WorkerStates{Running: 1}))
	})
})
