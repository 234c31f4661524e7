package catalog

import (
	"slices"

	"github.com/signalbox-ci/signalbox/emitter/rule"
)

// An Event describes a known event.
type Event struct {
	Name    string
	Meaning string // one or more sentences about what happened and what the value is
	Unit    string // unit of the value

	// Values lists the possible values of attributes, by the name of the attribute.
	Values map[string][]string
}

// The possible values of attributes. Concourse's code has no others.
var (
	buildStatuses = map[string][]string{"build_status": {"succeeded", "failed", "errored", "aborted"}}
	workerStates  = map[string][]string{"state": {"running", "stalled", "landing", "landed", "retiring"}}
	checkStatuses = map[string][]string{"status": {"success", "error"}}
)

// Units that several events share.
const (
	milliseconds = "milliseconds"
	seconds      = "seconds"
	bytes        = "bytes"
	builds       = "builds"
	checks       = "resource checks"
	containers   = "containers"
	volumes      = "volumes"
	requests     = "requests"
)

// events lists the events of Concourse's web node in the order of the rules, followed
// by the silent events.
var events = []Event{
	{Name: "error log", Meaning: "An error was logged. The value is 1.", Unit: "log lines"},
	{Name: "lock held", Meaning: "This node acquired or released a database lock. The value is 1 or 0.", Unit: "1 = acquired, 0 = released"},

	// Jobs and builds.
	{Name: "jobs scheduled", Meaning: "Jobs were scheduled. The value is their number since the last report.", Unit: "jobs"},
	{Name: "jobs scheduling", Meaning: "The peak number of jobs being scheduled since the last report.", Unit: "jobs"},
	{Name: "scheduling: job duration (ms)", Meaning: "A job was scheduled. The value is the time it took.", Unit: milliseconds},
	{Name: "builds started", Meaning: "Builds started. The value is their number since the last report.", Unit: builds},
	{Name: "builds running", Meaning: "The peak number of builds running since the last report.", Unit: builds},
	{Name: "check builds started", Meaning: "Builds that check a resource started. The value is their number since the last report.", Unit: builds},
	{Name: "check builds running", Meaning: "The peak number of builds that check a resource since the last report.", Unit: builds},
	{Name: "build finished", Meaning: "A build ended. The value is its duration.", Unit: milliseconds, Values: buildStatuses},
	{Name: "check build finished", Meaning: "A build that checks a resource ended. The value is its duration.", Unit: milliseconds, Values: buildStatuses},
	{Name: "latest completed build status", Meaning: "The status of the latest completed build of a job.",
		Unit: "0 = succeeded, 1 = failed, 2 = aborted, 3 = errored"},

	// Waiting for workers.
	{Name: "tasks waiting", Meaning: "The peak number of tasks waiting for a worker since the last report.", Unit: "tasks"},
	{Name: "tasks waiting duration", Meaning: "A task waited for a worker. The value is the time it waited.", Unit: seconds},
	{Name: "steps waiting", Meaning: "The peak number of steps waiting for a worker since the last report.", Unit: "steps"},
	{Name: "steps waiting duration", Meaning: "A step waited for a worker. The value is the time it waited.", Unit: seconds},

	// The web node.
	{Name: "concurrent requests limit hit", Meaning: "Requests were rejected because of the limit on concurrent requests. The value is their number since the last report.", Unit: requests},
	{Name: "concurrent requests", Meaning: "The peak number of concurrent requests since the last report.", Unit: requests},
	{Name: "http response time", Meaning: "An HTTP request was answered. The value is the time it took.", Unit: milliseconds},
	{Name: "database queries", Meaning: "Database queries were made. The value is their number since the last report.", Unit: "queries"},
	{Name: "database connections", Meaning: "The current number of open connections of a connection pool.", Unit: "connections"},

	// Resource checks.
	{Name: "checks finished", Meaning: "Resource checks finished. The value is their number since the last report.", Unit: checks, Values: checkStatuses},
	{Name: "checks started", Meaning: "Resource checks started. The value is their number since the last report.", Unit: checks},
	{Name: "checks enqueued", Meaning: "Resource checks were added to the queue. The value is their number since the last report.", Unit: checks},
	{Name: "checks queue size", Meaning: "The peak number of resource checks in the queue since the last report.", Unit: checks},

	// Containers, volumes and caches.
	{Name: "containers created", Meaning: "Containers were created. The value is their number since the last report.", Unit: containers},
	{Name: "containers deleted", Meaning: "Containers were deleted. The value is their number since the last report.", Unit: containers},
	{Name: "failed containers", Meaning: "Containers could not be created. The value is their number since the last report.", Unit: containers},
	{Name: "volumes created", Meaning: "Volumes were created. The value is their number since the last report.", Unit: volumes},
	{Name: "volumes deleted", Meaning: "Volumes were deleted. The value is their number since the last report.", Unit: volumes},
	{Name: "failed volumes", Meaning: "Volumes could not be created. The value is their number since the last report.", Unit: volumes},
	{Name: "volumes streamed", Meaning: "Volumes were streamed from one worker to another. The value is their number since the last report.", Unit: volumes},
	{Name: "volumes streamed via fallback", Meaning: "Volumes were streamed through the web node because the workers could not reach each other. The value is their number since the last report.", Unit: volumes},
	{Name: "get step cache hits", Meaning: "Get steps found their resource in the cache. The value is their number since the last report.", Unit: "steps"},
	{Name: "streamed resource caches", Meaning: "Resource caches were streamed from one worker to another. The value is their number since the last report.", Unit: "caches"},

	// Garbage collection.
	{Name: "orphaned volumes to be garbage collected", Meaning: "Orphaned volumes were selected for deletion. The value is their number.", Unit: volumes},
	{Name: "creating containers to be garbage collected", Meaning: "Containers were selected for garbage collection while being created. The value is their number.", Unit: containers},
	{Name: "created containers to be garbage collected", Meaning: "Created containers were selected for garbage collection. The value is their number.", Unit: containers},
	{Name: "failed containers to be garbage collected", Meaning: "Failed containers were selected for garbage collection. The value is their number.", Unit: containers},
	{Name: "destroying containers to be garbage collected", Meaning: "Containers were selected for garbage collection while being destroyed. The value is their number.", Unit: containers},
	{Name: "created volumes to be garbage collected", Meaning: "Created volumes were selected for garbage collection. The value is their number.", Unit: volumes},
	{Name: "destroying volumes to be garbage collected", Meaning: "Volumes were selected for garbage collection while being destroyed. The value is their number.", Unit: volumes},
	{Name: "failed volumes to be garbage collected", Meaning: "Failed volumes were selected for garbage collection. The value is their number.", Unit: volumes},
	collected("build collector"),
	collected("worker collector"),
	collected("resource cache use collector"),
	collected("resource config collector"),
	collected("resource cache collector"),
	collected("task cache collector"),
	collected("resource config check session collector"),
	collected("artifact collector"),
	collected("container collector"),
	collected("volume collector"),

	// Workers.
	{Name: "worker state", Meaning: "The current number of workers in a state.", Unit: "workers", Values: workerStates},
	{Name: "worker containers", Meaning: "The current number of containers on a worker. It is also a heartbeat of the worker.", Unit: containers},
	{Name: "worker volumes", Meaning: "The current number of volumes on a worker. It is also a heartbeat of the worker.", Unit: volumes},
	{Name: "worker tasks", Meaning: "The current number of tasks on a worker. It is also a heartbeat of the worker.", Unit: "tasks"},
	{Name: "worker unknown containers", Meaning: "The current number of containers on a worker that are unknown to the scheduler.", Unit: containers},
	{Name: "worker unknown volumes", Meaning: "The current number of volumes on a worker that are unknown to the scheduler.", Unit: volumes},

	// Silent events.
	{Name: "build started", Meaning: "A build started. The value is the build's ID.", Unit: "ID"},
	{Name: "gc pause total duration", Meaning: "The total time of pauses for Go's garbage collection since the program started.", Unit: "nanoseconds"},
	{Name: "mallocs", Meaning: "The number of heap objects allocated since the program started.", Unit: "objects"},
	{Name: "frees", Meaning: "The number of heap objects freed since the program started.", Unit: "objects"},
	{Name: "heap alloc", Meaning: "The current size of the allocated heap objects.", Unit: bytes},
	{Name: "heap inuse", Meaning: "The current size of the heap spans in use.", Unit: bytes},
	{Name: "heap objects", Meaning: "The current number of allocated heap objects.", Unit: "objects"},
	{Name: "stack inuse", Meaning: "The current size of the stack spans in use.", Unit: bytes},
	{Name: "sys", Meaning: "The memory that the Go runtime has obtained from the operating system.", Unit: bytes},
	{Name: "num gc", Meaning: "The number of garbage collections since the program started.", Unit: "collections"},
	{Name: "gc cpu fraction", Meaning: "The fraction of the CPU time that Go's garbage collection has used since the program started.", Unit: "percent"},
	{Name: "next gc", Meaning: "The heap size at which the next garbage collection begins.", Unit: bytes},
	{Name: "num cpu", Meaning: "The number of CPUs that the program can use.", Unit: "CPUs"},
	{Name: "goroutines", Meaning: "The current number of goroutines.", Unit: "goroutines"},
}

// collected returns the event about runs of one of the web node's garbage collectors.
func collected(collector string) Event {
	return Event{
		Name:    "gc: " + collector + " duration (ms)",
		Meaning: "The web node's " + collector + " ran. The value is the time it took.",
		Unit:    milliseconds,
	}
}

// Events returns the known events, in the order of the rules, followed by those that
// update no series. The caller must not modify the result.
func Events() []Event { return events }

// SilentEvents returns the names of the known events that update no series.
func SilentEvents() (names []string) {
	for _, e := range events {
		if !slices.ContainsFunc(concourse, func(r rule.Rule) bool { return r.Event == e.Name }) {
			names = append(names, e.Name)
		}
	}
	return names
}

// describe sets the units of the rules, and the possible values of the attributes that
// they use. It panics if the event of a rule is not listed.
func describe(rules []rule.Rule) []rule.Rule {
	for i := range rules {
		r := &rules[i]
		at := slices.IndexFunc(events, func(e Event) bool { return e.Name == r.Event })
		r.Unit = events[at].Unit
		for attribute, values := range events[at].Values {
			if r.Uses(attribute) {
				r.Values = map[string][]string{attribute: values}
			}
		}
	}
	return rules
}
