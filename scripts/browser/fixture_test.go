package browser

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"
)

// The fixtures are overviews in the form of the daemon's JSON. A test compares their
// fields with those of a real overview.
type (
	object = map[string]any
	list   = []any
)

var fixtureTime = time.Date(2026, 3, 4, 14, 32, 10, 0, time.UTC)

// ago returns the time that is d before the time of the fixtures.
func ago(d time.Duration) string { return fixtureTime.Add(-d).Format(time.RFC3339Nano) }

// emptyOverview returns the overview of a daemon that has just started.
func emptyOverview() object {
	return object{
		"time": ago(0), "started": ago(4 * time.Second),
		"build":    object{"version": "v1.4.0", "revision": "0908359a1b2c", "go_version": "go1.26.0"},
		"settings": list{},
		"events": object{
			"received": 0, "per_second": 0, "unknown": 0, "rejected": 0,
			"history": list{0}, "slot_seconds": 10, "last_slot_seconds": 10, "names": list{},
			"unknown_names": list{}, "unknown_other": 0, "rejections": list{},
		},
		"workers":  object{"total": 0, "stale_after_seconds": 300, "list": list{}},
		"families": object{"total": 0, "series": 0, "limit": 100000, "list": list{}},
		"groups": object{
			"total": 0, "series": 0, "limit": 1000000, "list": list{}, "damaged_file": "", "storage_error": "",
		},
		"agents":   object{"total": 0, "series": 0, "limit": 1000000, "list": list{}},
		"scrapes":  list{},
		"emitters": list{object{"name": "Prometheus", "queue_length": 0, "queue_capacity": 0, "dropped": 0}},
	}
}

// reportsOverview returns the overview of a program that has no events and no webhooks
// yet, does not accept pushes, and has reports.
func reportsOverview() object {
	o := emptyOverview()
	delete(o, "groups")
	delete(o, "agents")
	r := report("Standard input: 0 events, 12 lines rejected, 1,204,877 log lines skipped; ended 5 s ago.",
		finding("bad", "reading standard input failed", "reading standard input failed: line 8: input/output error"),
		finding("warn", "no events on standard input", "no events in 1,204,889 lines of standard input"),
		finding("note", "standard input is slow", "latest line on standard input 2 min ago"))
	r["help"] = list{
		object{"section": "events", "text": "No events received yet. A Concourse web node writes them to its log if it runs with these environment variables:"},
		object{"section": "events", "snippet": "CONCOURSE_EMIT_TO_LOGS=true\nCONCOURSE_LOG_LEVEL=debug"},
		object{"section": "events", "text": "Pass on whole lines: Signalbox ignores prefixes such as a name or a time, and reads the log formats of Docker, CRI and journald."},
		object{"section": "sources", "text": "No deliveries from GitHub Actions yet. Add a webhook there, with the secret, for the events Workflow jobs, Workflow runs and Deployment statuses. Its URL is this one, or that of the proxy in front of it:"},
		object{"section": "sources", "snippet": "http://127.0.0.1:29391/webhooks/github"},
	}
	o["sources"] = list{sourceOverview("github", "GitHub Actions", object{}, nil, nil, nil)}
	o["reports"] = list{r, report("Journal: 118,204 entries in 12 segments, the latest 3 s ago.")}
	return o
}

// history returns a varying rate over the last hour.
func history(random *rand.Rand, mean float64) (rates list) {
	for i := range 360 {
		wave := 1 + 0.45*math.Sin(float64(i)/38) + 0.2*math.Sin(float64(i)/7)
		rates = append(rates, math.Round(100*mean*wave*(0.8+0.4*random.Float64()))/100)
	}
	return rates
}

// fullOverview returns the overview of a busy installation, with entries in every list.
func fullOverview() object {
	random := rand.New(rand.NewPCG(1, 2))
	o := emptyOverview()
	o["started"] = ago(26*time.Hour + 14*time.Minute)
	o["mapping"] = object{
		"file": "/etc/signalbox/mapping.yaml", "loaded_at": ago(3 * time.Hour),
		"error":     `/etc/signalbox/mapping.yaml:14: rules[2].type: "guage": expected counter, gauge or histogram`,
		"failed_at": ago(5 * time.Minute),
	}
	o["reports"] = list{report("Standard input: 118,204 events, 1,871 of them unknown, 2 lines rejected, 1,204,877 log lines skipped.")}

	names := []struct {
		name string
		mean float64
	}{
		{"http response time", 611}, {"worker containers", 212}, {"worker volumes", 208}, {"database queries", 96.4},
		{"lock held", 61.2}, {"checks enqueued", 24}, {"check build finished", 18.7}, {"jobs scheduled", 12.1},
		{"build started", 6.02}, {"build finished", 5.94}, {"worker tasks", 3.6}, {"steps waiting", 2.2},
		{"gc: container collector duration (ms)", 1.1}, {"scheduling: job duration (ms)", 0.9}, {"error log", 0.03},
		{"goroutines", 0.1},
	}
	events := o["events"].(object)
	events["names"] = list{}
	total := 0.0
	for _, n := range names {
		total += n.mean
		events["names"] = append(events["names"].(list), object{
			"name": n.name, "received": int(n.mean * 94440), "per_second": n.mean,
			"history": history(random, n.mean), "silent": n.name == "goroutines" || n.name == "build started",
		})
	}
	events["received"], events["per_second"] = int(total*94440), total
	events["history"] = history(random, total)
	events["unknown"], events["unknown_other"] = 1871, 12
	events["unknown_names"] = list{
		object{"name": "deploy finished", "count": 1204, "last": ago(2 * time.Second)},
		object{"name": "cache: restore (ms)", "count": 640, "last": ago(40 * time.Second)},
		object{"name": "biuld finished", "count": 15, "last": ago(3 * time.Hour), "hint": `did you mean "build finished"?`},
	}
	events["rejected"] = 43
	events["rejections"] = list{
		object{"reason": "missing_attribute", "count": 41, "latest": object{
			"time": ago(8 * time.Second), "event": "build finished", "metric": "concourse_builds_finished",
			"message": `the attribute "team_name" is missing`}},
		object{"reason": "negative", "count": 2, "latest": object{
			"time": ago(2 * time.Hour), "event": "jobs scheduled", "metric": "concourse_jobs_scheduled_total",
			"message": "got value -3, expected a number that is not negative"}},
	}

	workers := list{}
	for i := range 19 {
		beat := time.Duration(random.IntN(12000)) * time.Millisecond
		if i == 0 {
			beat = 252 * time.Second
		}
		w := object{
			"name": fmt.Sprintf("worker-%02d.ci.example.com", i+1), "platform": "linux", "team": "", "tags": "",
			"containers": 20 + random.IntN(180), "volumes": 100 + random.IntN(900), "tasks": random.IntN(9),
			"last_heartbeat": ago(beat), "drops_in_seconds": 300 - beat.Seconds(),
		}
		switch {
		case i%7 == 3:
			w["platform"], w["tags"], w["team"] = "darwin", "xcode/ios", "mobile"
		case i%5 == 2:
			w["tags"] = "gpu/large"
		case i == 6:
			w["platform"], w["tasks"], w["volumes"] = "windows", nil, nil
		}
		workers = append(workers, w)
	}
	o["sources"] = list{
		sourceOverview("github", "GitHub Actions", object{"accepted": 18211, "duplicate": 402, "stale": 12, "ignored": 96, "unauthorized": 3}, ago(4*time.Second), 1.31,
			object{"time": ago(9 * time.Minute), "outcome": "unauthorized", "remote": "198.51.100.7:41022", "message": "X-Hub-Signature-256 does not match the configured secret"}),
		sourceOverview("gitlab", "GitLab CI/CD", object{"accepted": 7}, ago(3*time.Hour), nil, nil),
	}

	o["builds"] = fullBuilds(random)
	o["workers"] = object{"total": len(workers), "stale_after_seconds": 300, "list": workers}

	o["families"] = object{"total": 81, "series": 163217, "limit": 100000, "list": list{
		family("concourse_builds_duration_seconds", "histogram", 96120, 0, "job", 4006, "pipeline", 212, "team", 14),
		family("concourse_builds_finished", "counter", 15612, 0, "job", 4006, "pipeline", 212, "team", 14, "status", 4),
		family("concourse_builds_latest_completed_build_status", "gauge", 4006, 0, "jobName", 4006, "pipelineName", 212, "teamName", 14),
		family("concourse_http_responses_duration_seconds", "histogram", 980, 0, "route", 118, "status", 11, "method", 5),
		family("concourse_error_logs", "counter", 311, 0, "message", 311),
		family("concourse_workers_containers", "gauge", 19, 0, "worker", 19, "tags", 3, "platform", 3, "team", 2),
		family("concourse_workers_volumes", "gauge", 19, 0, "worker", 19, "tags", 3, "platform", 3, "team", 2),
		family("concourse_locks_held", "gauge", 9, 0, "type", 9),
		family("concourse_builds_started_total", "counter", 1, 0),
	}}
	o["groups"] = object{"total": 412, "series": 20211, "limit": 1000000, "list": list{
		group(ago(9*time.Second), nil, ago(-time.Hour+9*time.Second), 54, "job", "unit", "branch", "main"),
		group(ago(31*time.Second), nil, ago(-time.Hour+31*time.Second), 54, "job", "unit", "branch", "feature/blue-button"),
		group(ago(6*time.Minute), ago(20*time.Second), nil, 12, "job", "nightly backup", "instance", "db-1"),
		group(nil, ago(3*time.Minute), nil, 1, "job", "lint"),
	}, "damaged_file": "", "storage_error": ""}
	o["agents"] = object{"total": 2, "series": 36, "limit": 1000000, "list": list{
		agent(4*time.Second, 24, "username", "alice", "workspace_name", "blue", "agent_name", "main", "template_name", "go"),
		agent(50*time.Second, 12, "username", "bob", "workspace_name", "ci-debug", "agent_name", "main", "template_name", "node"),
	}}
	scrapes := list{}
	for i := range 8 {
		s := object{
			"time": ago(time.Duration(4+15*i) * time.Second), "duration_seconds": 0.021 + float64(i%3)/500, "bytes": 1412000 + 997*i,
			"format": "protobuf", "encoding": "gzip", "status": 200, "aborted": false, "remote": "10.0.4.17:51822", "user_agent": "Prometheus/3.12.0",
		}
		if i%4 == 2 {
			s["format"], s["encoding"], s["user_agent"], s["remote"] = "text", "", "curl/8.14.1", "127.0.0.1:40112"
			s["bytes"] = 18400000
		}
		scrapes = append(scrapes, s)
	}
	o["scrapes"] = scrapes
	o["emitters"] = list{
		object{"name": "Prometheus", "queue_length": 0, "queue_capacity": 0, "dropped": 0},
		object{"name": "NewRelic", "queue_length": 312, "queue_capacity": 1000, "dropped": 0},
	}
	o["settings"] = list{
		object{"name": "attribute", "value": "region=eu"},
		object{"name": "host", "value": "web-1"},
		object{"name": "intake-bind-ip", "value": "127.0.0.1"},
		object{"name": "intake-bind-port", "value": "19391"},
		object{"name": "mapping-file", "value": "/etc/signalbox/mapping.yaml"},
		object{"name": "prometheus-bind-ip", "value": "0.0.0.0"},
		object{"name": "prometheus-bind-port", "value": "9391"},
		object{"name": "prometheus-max-series-per-metric", "value": "100000"},
		object{"name": "prometheus-stale-after", "value": "5m0s"},
		object{"name": "push-storage-path", "value": "/var/lib/signalbox/pushes.db"},
	}
	return o
}

// fullBuilds returns the builds of a busy installation.
func fullBuilds(random *rand.Rand) object {
	pipelines, classes, latest := list{}, list{}, list{}
	for i, name := range []string{"web unit", "web end to end", "api build", "api deploy", "infrastructure plan", "mobile ios", "mobile android",
		"docs publish", "tools lint", "tools release", "data nightly import", "data backfill", "search index", "billing integration"} {
		repository, pipeline, _ := strings.Cut(name, " ")
		n := 1200 / (i + 1)
		pipelines = append(pipelines, pipelineOverview("github", "acme/"+repository, pipeline, n, 1-random.Float64()/3, 20+random.Float64()*900))
	}
	pipelines = append(pipelines, pipelineOverview("concourse", "main", "release", 4, 0.5, 5400), pipelineOverview("gitlab", "platform/base-images/hardened", "", 0, nil, nil))
	for i, class := range []string{"ubuntu-latest", "macos-15-large", "gpu,linux,x64", "", "windows-2025"} {
		classes = append(classes, classOverview("github", class, 900/(i+1), 3*(i+1)*(i+1)))
	}
	for i, result := range []string{"success", "success", "failure", "success", "cancellation", "timeout", "success", "error", "success", "other"} {
		latest = append(latest, object{"time": ago(time.Duration(7*i*i) * time.Second), "system": "github", "instance": "", "repository": "acme/web", "pipeline": "unit",
			"result": result, "duration_seconds": 31.25 * float64(i+1), "url": fmt.Sprintf("https://github.example/acme/web/actions/runs/%d", 9000-i)})
	}
	latest[3].(object)["url"], latest[3].(object)["duration_seconds"] = "", nil
	return object{
		"runs": object{"pending": 3, "executing": 12, "blocked": 0}, "jobs": object{"pending": 41, "executing": 118, "blocked": 2},
		"oldest_waiting_job": object{"waiting_seconds": 512.7, "system": "github", "instance": "", "repository": "acme/mobile", "pipeline": "ios",
			"job": "archive", "runner_class": "macos-15-large", "url": "https://github.example/acme/mobile/actions/runs/7/job/8"},
		"pipelines":      object{"total": len(pipelines), "forgotten": 0, "list": pipelines},
		"runner_classes": object{"total": len(classes), "forgotten": 0, "list": classes},
		"latest_runs":    latest,
	}
}

// pipelineOverview returns a pipeline with a number of runs in the last day. The rate
// and the duration can be nil.
func pipelineOverview(system, repository, pipeline string, runs int, rate, seconds any) object {
	period := func(runs int) object {
		p := object{"runs": runs, "success_rate": rate, "duration_median_seconds": seconds, "duration_p95_seconds": seconds,
			"queue_median_seconds": nil, "queue_p95_seconds": nil}
		if s, ok := seconds.(float64); ok {
			p["duration_p95_seconds"], p["queue_median_seconds"], p["queue_p95_seconds"] = 3*s, s/40, s/9
		}
		return p
	}
	return object{"system": system, "instance": "", "repository": repository, "pipeline": pipeline, "hour": period(runs / 20), "day": period(runs)}
}

// classOverview returns a class of runners.
func classOverview(system, class string, jobs, seconds int) object {
	period := func(jobs int) object {
		return object{"jobs": jobs, "queue_median_seconds": seconds, "queue_p95_seconds": 5 * seconds}
	}
	return object{"system": system, "instance": "", "runner_class": class, "hour": period(jobs / 20), "day": period(jobs)}
}

// family returns a family. The labels are names, each followed by its number of values.
func family(name, kind string, series, refused int, labels ...any) object {
	counts := list{}
	for i := 0; i < len(labels); i += 2 {
		counts = append(counts, object{"name": labels[i], "values": labels[i+1]})
	}
	return object{"name": name, "type": kind, "series": series, "refused": refused, "labels": counts}
}

// report returns a report with findings and without help.
func report(line string, findings ...any) object {
	return object{"line": line, "findings": findings}
}

func finding(level, kind, text string) object {
	return object{"level": level, "kind": kind, "text": text}
}

// sourceOverview returns a CI system that sends webhooks.
func sourceOverview(name, description string, deliveries object, last, delay, lastError any) object {
	return object{"name": name, "description": description, "path": "/webhooks/" + name, "deliveries": deliveries,
		"last_delivery": last, "delay_seconds": delay, "last_error": lastError, "last_unauthenticated_error": lastError}
}

func group(pushed, failed, expires any, series int, labels ...string) object {
	return object{"labels": pairs(labels), "series": series, "pushed": pushed, "failed": failed, "expires": expires}
}

func agent(since time.Duration, series int, labels ...string) object {
	return object{"labels": pairs(labels), "series": series, "updated": ago(since), "expires": ago(since - 2*time.Minute)}
}

func pairs(labels []string) list {
	pairs := list{}
	for i := 0; i < len(labels); i += 2 {
		pairs = append(pairs, object{"name": labels[i], "value": labels[i+1]})
	}
	return pairs
}

// hostileTexts are texts that malicious clients may send as names, label values or
// messages.
var hostileTexts = []string{
	`<script>window.ran = "script"</script>`,
	`<img src=x onerror="window.ran = 'img'">`,
	`"><svg onload="window.ran = 'svg'"></svg>`,
	`javascript:window.ran="url"`,
	"\u202Egnp.exe\u202C \u2066isolated\u2069 \u200Fmarks\u200E zero\u200Bwidth",
	"שלום worker عربي",
	strings.Repeat("0123456789", 1024),
	strings.Repeat("Z\u0310\u0324\u0341\u0356", 200),
	"line\nfeed\ttab\x00nul\x1b[31mred\u0085\u2028",
	"__proto__", "constructor", "toString", "",
	" spaces  within ",
	"‹U+202E›",
	"👩‍👩‍👧 family \U000E0001",
	"name: - & *yaml ! | > ' \" % @ `",
}

// hostileOverview returns an overview that has the hostile texts in every field.
func hostileOverview() object {
	o := fullOverview()
	events := o["events"].(object)
	names, unknown, rejections, workers, families, groups, agents, sources, scrapes, emitters, settings :=
		list{}, list{}, list{}, list{}, list{}, list{}, list{}, list{}, list{}, list{}, list{}
	pipelines, classes, latest := list{}, list{}, list{}
	for i, text := range hostileTexts {
		names = append(names, object{"name": text, "received": i, "per_second": i, "history": list{1, i}, "silent": i%2 == 0})
		unknown = append(unknown, object{"name": text, "count": i, "last": ago(time.Second)})
		rejections = append(rejections, object{"reason": text, "count": i, "latest": object{
			"time": ago(time.Second), "event": text, "metric": text, "message": text}})
		workers = append(workers, object{
			"name": text, "platform": text, "team": text, "tags": text, "containers": i, "volumes": 1e300, "tasks": -1,
			"last_heartbeat": ago(time.Second), "drops_in_seconds": 100 - 20*i})
		families = append(families, family(text, text, i, i, text, i))
		groups = append(groups, group(ago(time.Second), nil, nil, i, text, text, "job", text))
		agents = append(agents, agent(time.Second, i, text, text))
		sources = append(sources, sourceOverview(text, text, object{text: i}, ago(time.Second), 1e9, object{
			"time": ago(time.Second), "outcome": text, "remote": text, "message": text}))
		scrapes = append(scrapes, object{
			"time": ago(time.Second), "duration_seconds": 1e9, "bytes": 1 << 60, "format": text, "encoding": text,
			"status": 200, "remote": text, "user_agent": text})
		emitters = append(emitters, object{"name": text, "queue_length": i, "queue_capacity": 3, "dropped": i})
		settings = append(settings, object{"name": text, "value": text})
		pipelines = append(pipelines, pipelineOverview(text, text, text, i, float64(i), 1e9))
		pipelines[i].(object)["instance"] = text
		classes = append(classes, classOverview(text, text, i, 1e9))
		latest = append(latest, object{"time": ago(time.Second), "system": text, "instance": text, "repository": text, "pipeline": text,
			"result": text, "duration_seconds": 1e9, "url": []string{text, "javascript:window.ran='link'", "https://example.com/" + text}[i%3]})
	}
	b := o["builds"].(object)
	b["pipelines"].(object)["list"], b["runner_classes"].(object)["list"], b["latest_runs"] = pipelines, classes, latest
	b["oldest_waiting_job"] = object{"waiting_seconds": 1e12, "system": hostileTexts[0], "instance": hostileTexts[4], "repository": hostileTexts[5],
		"pipeline": hostileTexts[6], "job": hostileTexts[6], "runner_class": hostileTexts[7], "url": "javascript:window.ran='job'"}
	events["names"], events["unknown_names"], events["rejections"] = names, unknown, rejections
	o["workers"].(object)["list"] = workers
	o["families"].(object)["list"] = families
	o["groups"].(object)["list"] = groups
	o["agents"].(object)["list"], o["sources"] = agents, sources
	o["scrapes"], o["emitters"], o["settings"] = scrapes, emitters, settings
	o["mapping"].(object)["file"], o["mapping"].(object)["error"] = hostileTexts[4], strings.Join(hostileTexts, " ")
	reports := list{}
	for _, text := range hostileTexts {
		r := report(text, finding(text, text, text))
		r["help"] = list{object{"section": "events", "text": text}, object{"section": "events", "snippet": text}}
		reports = append(reports, r)
	}
	o["reports"] = reports
	o["build"].(object)["version"] = hostileTexts[0]
	return o
}

// hugeOverview returns an overview with the maximum number of rows in each list. The
// values differ in each round.
func hugeOverview(round int) object {
	const rows = 1000
	random := rand.New(rand.NewPCG(1, uint64(round)))
	o := fullOverview()
	now := fixtureTime.Add(time.Duration(2*round) * time.Second)
	o["time"] = now.Format(time.RFC3339Nano)
	names, unknown, workers, families, groups, agents, pipelines := list{}, list{}, list{}, list{}, list{}, list{}, list{}
	for i := range rows {
		last := now.Add(-time.Duration(random.IntN(60)) * time.Second)
		names = append(names, object{
			"name": fmt.Sprintf("event %d", i), "received": 100*i + round, "per_second": random.Float64() * 100,
			"history": history(random, float64(i)), "silent": false})
		unknown = append(unknown, object{"name": fmt.Sprintf("unknown %d", i), "count": i + round, "last": last})
		workers = append(workers, object{
			"name": fmt.Sprintf("worker-%d", i), "platform": "linux", "team": "", "tags": "", "containers": random.IntN(200),
			"volumes": random.IntN(900), "tasks": random.IntN(9), "last_heartbeat": last, "drops_in_seconds": 300 - random.IntN(60)})
		families = append(families, family(fmt.Sprintf("family_%d", i), "gauge", 5*i+round, 0, "job", 3*i, "team", i))
		groups = append(groups, group(last, nil, nil, 12, "job", fmt.Sprint("job-", i)))
		agents = append(agents, agent(time.Second, 3, "username", fmt.Sprint("user-", i)))
		pipelines = append(pipelines, pipelineOverview("github", fmt.Sprint("acme/", i), "unit", i+round, random.Float64(), random.Float64()*900))
	}
	b := o["builds"].(object)["pipelines"].(object)
	b["list"], b["total"], b["forgotten"] = pipelines, 10*rows, 17
	o["events"].(object)["names"], o["events"].(object)["unknown_names"] = names, unknown
	for section, rows := range map[string]list{"workers": workers, "families": families, "groups": groups, "agents": agents} {
		o[section].(object)["list"], o[section].(object)["total"] = rows, 4*len(rows)
	}
	return o
}
