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

// The possible values of attributes. Concourse's code has no others. Sources translate
// the words of their CI systems to those of ci.
var (
	buildStatuses = map[string][]string{"build_status": {"succeeded", "failed", "errored", "aborted"}}
	workerStates  = map[string][]string{"state": {"running", "stalled", "landing", "landed", "retiring"}}
	checkStatuses = map[string][]string{"status": {"success", "error"}}

	ciResults      = map[string][]string{"result": {"success", "failure", "error", "timeout", "cancellation", "skip", "other"}}
	ciStates       = map[string][]string{"state": {"pending", "executing", "blocked"}}
	ciWorkerStates = map[string][]string{"state": {"available", "busy", "offline"}}
	ciTestOutcomes = map[string][]string{"outcome": {"passed", "failed", "skipped", "error"}}
)

// Units that several events share.
const (
	milliseconds = "milliseconds"
	seconds      = "seconds"
	unixTime     = "seconds since the Unix epoch"
	bytes        = "bytes"
	builds       = "builds"
	checks       = "resource checks"
	containers   = "containers"
	volumes      = "volumes"
	requests     = "requests"
	runs         = "runs"
	jobs         = "jobs"
	workers      = "workers"
	deployments  = "deployments"
	incidents    = "incidents"
)

// concourseEvents lists the events of Concourse's web node in the order of the rules,
// followed by the silent events.
var concourseEvents = []Event{
	{Name: "error log", Meaning: "An error was logged. The value is 1.", Unit: "log lines"},
	{Name: "lock held", Meaning: "This node acquired or released a database lock. The value is 1 or 0.", Unit: "1 = acquired, 0 = released"},

	// Jobs and builds.
	{Name: "jobs scheduled", Meaning: "Jobs were scheduled. The value is their number since the last report.", Unit: jobs},
	{Name: "jobs scheduling", Meaning: "The peak number of jobs being scheduled since the last report.", Unit: jobs},
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
	{Name: "worker state", Meaning: "The current number of workers in a state.", Unit: workers, Values: workerStates},
	{Name: "worker containers", Meaning: "The current number of containers on a worker. It is also a heartbeat of the worker.", Unit: containers},
	{Name: "worker volumes", Meaning: "The current number of volumes on a worker. It is also a heartbeat of the worker.", Unit: volumes},
	{Name: "worker tasks", Meaning: "The current number of tasks on a worker. It is also a heartbeat of the worker.", Unit: "tasks"},
	{Name: "worker unknown containers", Meaning: "The current number of containers on a worker that are unknown to the scheduler.", Unit: containers},
	{Name: "worker unknown volumes", Meaning: "The current number of volumes on a worker that are unknown to the scheduler.", Unit: volumes},

	// Silent events.
	{Name: "build started", Meaning: "A build started. The value is the build's ID.", Unit: "ID"},
	{Name: "check build started", Meaning: "A build that checks a resource started, in Concourse 7.2 to 7.8. The value is the build's ID.", Unit: "ID"},
	{Name: "check enqueued", Meaning: "A resource check was enqueued, in Concourse 5.8. The value is 1.", Unit: checks},
	{Name: "check finished", Meaning: "A resource check finished, in Concourse 5.6 to 5.8. The value is 1.", Unit: checks},
	{Name: "check queue size", Meaning: "The number of enqueued resource checks, in Concourse 5.8.", Unit: checks},
	{Name: "check started", Meaning: "A resource check started, in Concourse 5.8. The value is 1.", Unit: checks},
	{Name: "checks deleted", Meaning: "Resource checks were deleted, in Concourse 5.8 to 7.1. The value is their number.", Unit: checks},
	{Name: "GC container collector job dropped", Meaning: "A job of the container collector was dropped, in Concourse 5.0 to 7.6. The value is 1.", Unit: jobs},
	{Name: "resource checked", Meaning: "A resource was checked, in Concourse 5.0 to 5.8. The value is 1.", Unit: checks},
	{Name: "scheduling: full duration (ms)", Meaning: "A pipeline was scheduled, in Concourse 5.0 to 5.8. The value is the time it took.", Unit: milliseconds},
	{Name: "scheduling: loading versions duration (ms)", Meaning: "The versions of a pipeline were loaded, in Concourse 5.0 to 5.8. The value is the time it took.", Unit: milliseconds},
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

// ciEvents lists the events of any CI system in the order of the rules, followed by the
// silent events.
var ciEvents = []Event{
	// Runs.
	{Name: "ci run queued", Meaning: "A run was created. The value is 1.", Unit: runs},
	{Name: "ci run started", Meaning: "A run started. The value is 1.", Unit: runs},
	{Name: "ci run finished", Meaning: "A run ended. The value is 1.", Unit: runs, Values: ciResults},
	{Name: "ci run queue time", Meaning: "A run started. The value is the time it waited before that.", Unit: seconds},
	{Name: "ci run time", Meaning: "A run ended. The value is the time since its start.", Unit: seconds, Values: ciResults},
	{Name: "ci runs active", Meaning: "The current number of runs in a state.", Unit: runs, Values: ciStates},

	// Jobs.
	{Name: "ci job finished", Meaning: "A job ended. The value is 1.", Unit: jobs, Values: ciResults},
	{Name: "ci job queue time", Meaning: "A job started. The value is the time it waited for a runner.", Unit: seconds},
	{Name: "ci job run time", Meaning: "A job ended. The value is the time since its start.", Unit: seconds, Values: ciResults},
	{Name: "ci jobs active", Meaning: "The current number of jobs in a state.", Unit: jobs, Values: ciStates},
	{Name: "ci oldest job waiting", Meaning: "The time that the oldest waiting job has waited for a runner, or 0 if no job is waiting.", Unit: seconds},
	{Name: "ci tests finished", Meaning: "Tests ended. The value is the number of tests with an outcome.", Unit: "tests", Values: ciTestOutcomes},

	// Workers.
	{Name: "ci workers", Meaning: "The current number of workers, or runners, in a state.", Unit: workers, Values: ciWorkerStates},
	{Name: "ci worker lost", Meaning: "A worker disappeared without signing off. The value is 1.", Unit: workers},

	// Deployments and incidents.
	{Name: "ci deployment finished", Meaning: "A deployment ended. The value is 1.", Unit: deployments, Values: ciResults},
	{Name: "ci deployment run time", Meaning: "A deployment ended. The value is the time since its start.", Unit: seconds},
	{Name: "ci last deployment", Meaning: "A deployment succeeded. The value is the time of its end.", Unit: unixTime},
	{Name: "ci change lead time", Meaning: "A deployment succeeded. The value is the time since the commit that it deployed.", Unit: seconds},
	{Name: "ci incident opened", Meaning: "An incident began. The value is 1.", Unit: incidents},
	{Name: "ci incident time to restore", Meaning: "An incident was resolved. The value is the time since its beginning.", Unit: seconds},

	// Silent events.
	{Name: "ci job queued", Meaning: "A job was created. The value is 1.", Unit: jobs},
	{Name: "ci job started", Meaning: "A job started. The value is 1.", Unit: jobs},
	{Name: "ci step finished", Meaning: "A step of a job ended. The value is 1.", Unit: "steps", Values: ciResults},
	{Name: "ci step run time", Meaning: "A step of a job ended. The value is the time since its start.", Unit: seconds, Values: ciResults},
	{Name: "ci change merged", Meaning: "A change was merged. The value is 1.", Unit: "changes"},
	{Name: "ci incident resolved", Meaning: "An incident was resolved. The value is 1.", Unit: incidents},
}

// collected returns the event about runs of one of the web node's garbage collectors.
func collected(collector string) Event {
	return Event{
		Name:    "gc: " + collector + " duration (ms)",
		Meaning: "The web node's " + collector + " ran. The value is the time it took.",
		Unit:    milliseconds,
	}
}

// describe sets the units of the rules, and the possible values of the attributes that
// they use. It panics if the event of a rule is not listed.
func describe(rules []rule.Rule, events []Event) []rule.Rule {
	for i := range rules {
		r := &rules[i]
		at := slices.IndexFunc(events, func(e Event) bool { return e.Name == r.Event })
		r.Unit = events[at].Unit
		for attribute, values := range events[at].Values {
			if r.Uses(attribute) {
				r.Values = map[string][]string{attribute: values} // an event has at most one such attribute
			}
		}
	}
	return rules
}
