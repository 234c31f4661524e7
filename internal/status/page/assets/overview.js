// Reads the overview. A list, number or string that is missing or has a wrong type
// becomes an empty list, 0 or an empty string, so that the rest of the page need not
// check.

// The maximum number of entries in a list of the server's response.
export const maxLimit = 1000;

const list = (value) => (Array.isArray(value) ? value : []);
const object = (value) => (value !== null && typeof value === "object" && !Array.isArray(value) ? value : {});
const objects = (value) => list(value).map(object);
const text = (value) => (typeof value === "string" ? value : "");
const number = (value) => (Number.isFinite(value) ? value : 0);
const count = (value) => Math.max(0, number(value));
const numberOrNull = (value) => (Number.isFinite(value) ? value : null);
const level = (value) => (value === "bad" || value === "warn" ? value : "note");
const rates = (value) => list(value).slice(-4000).map(count);

// time returns a time in milliseconds since 1970, or null if there is none, or if it is
// Go's zero time.
function time(value) {
  const ms = Date.parse(text(value));
  return Number.isFinite(ms) && ms > 0 && ms < 8.64e15 ? ms : null;
}

const labels = (value) => objects(value).map((l) => ({ name: text(l.name), value: text(l.value) }));

// readOverview reads the JSON of GET api/v1/overview. It throws an Error if the JSON is
// not an overview.
export function readOverview(json) {
  const o = object(json);
  if (time(o.time) === null) {
    throw new Error("the response is not an overview");
  }
  const [build, events, workers, families] = [o.build, o.events, o.workers, o.families].map(object);
  return {
    time: time(o.time),
    started: time(o.started),
    build: { version: text(build.version), revision: text(build.revision), goVersion: text(build.go_version) },
    settings: objects(o.settings).map((s) => ({ name: text(s.name), value: text(s.value) })),
    mapping: readMapping(o.mapping),
    reports: objects(o.reports).map(readReport),
    events: {
      received: count(events.received),
      perSecond: count(events.per_second),
      unknown: count(events.unknown),
      rejected: count(events.rejected),
      history: rates(events.history),
      slotSeconds: count(events.slot_seconds) || 10,
      lastSlotSeconds: count(events.last_slot_seconds) || count(events.slot_seconds) || 10,
      names: objects(events.names).map((n) => ({
        name: text(n.name),
        received: count(n.received),
        perSecond: count(n.per_second),
        history: rates(n.history),
        silent: n.silent === true,
      })),
      unknownNames: objects(events.unknown_names).map((u) => ({
        name: text(u.name),
        count: count(u.count),
        last: time(u.last),
        hint: text(u.hint),
      })),
      unknownOther: count(events.unknown_other),
      rejections: objects(events.rejections).map((r) => ({
        reason: text(r.reason),
        count: count(r.count),
        latest: readExample(r.latest),
      })),
    },
    workers: {
      total: count(workers.total),
      staleAfter: count(workers.stale_after_seconds),
      list: objects(workers.list).map((w) => ({
        name: text(w.name),
        platform: text(w.platform),
        team: text(w.team),
        tags: text(w.tags),
        containers: numberOrNull(w.containers),
        volumes: numberOrNull(w.volumes),
        tasks: numberOrNull(w.tasks),
        lastHeartbeat: time(w.last_heartbeat),
        dropsIn: number(w.drops_in_seconds),
      })),
    },
    families: {
      total: count(families.total),
      series: count(families.series),
      limit: count(families.limit),
      list: objects(families.list).map((f) => ({
        name: text(f.name),
        type: text(f.type),
        series: count(f.series),
        refused: count(f.refused),
        labels: objects(f.labels).map((l) => ({ name: text(l.name), values: count(l.values) })),
      })),
    },
    sources: Array.isArray(o.sources) ? objects(o.sources).map(readSource) : null,
    groups: readPushed(o.groups, (g) => ({ pushed: time(g.pushed), failed: time(g.failed) })),
    agents: readPushed(o.agents, (a) => ({ updated: time(a.updated) })),
    builds: readBuilds(o.builds),
    scrapes: objects(o.scrapes).map((s) => ({
      time: time(s.time),
      duration: count(s.duration_seconds),
      bytes: count(s.bytes),
      format: text(s.format),
      encoding: text(s.encoding),
      status: count(s.status),
      aborted: s.aborted === true,
      remote: text(s.remote),
      userAgent: text(s.user_agent),
    })),
    emitters: objects(o.emitters).map((e) => ({
      name: text(e.name),
      queueLength: count(e.queue_length),
      queueCapacity: count(e.queue_capacity),
      dropped: count(e.dropped),
    })),
  };
}

function readMapping(value) {
  if (value === null || typeof value !== "object") {
    return null;
  }
  return {
    file: text(value.file),
    loadedAt: time(value.loaded_at),
    error: text(value.error),
    failedAt: time(value.failed_at),
  };
}

// readReport reads a report. The page does not know which part of the program made it.
function readReport(report) {
  return {
    line: text(report.line),
    findings: objects(report.findings)
      .map((f) => ({ level: level(f.level), kind: text(f.kind), text: text(f.text), section: text(f.section) || "events" }))
      .filter((f) => f.text !== ""),
    help: objects(report.help).map((h) => ({ section: text(h.section), text: text(h.text), snippet: text(h.snippet) })),
  };
}

// readSource reads a CI system that sends webhooks. The overview has no sources if the
// program does not receive webhooks.
function readSource(source) {
  const error = source.last_error ? object(source.last_error) : null;
  return {
    name: text(source.name),
    description: text(source.description),
    path: text(source.path),
    deliveries: Object.entries(object(source.deliveries)).map(([outcome, n]) => ({ outcome, count: count(n) })),
    lastDelivery: time(source.last_delivery),
    delay: numberOrNull(source.delay_seconds),
    lastError: error && {
      time: time(error.time),
      outcome: text(error.outcome),
      remote: text(error.remote),
      message: text(error.message),
    },
  };
}

function readExample(value) {
  if (value === null || typeof value !== "object") {
    return null;
  }
  return { time: time(value.time), event: text(value.event), metric: text(value.metric), message: text(value.message) };
}

// readPushed reads pushed groups or agents. It returns null if the overview has no such
// field, because the program does not accept pushes.
function readPushed(value, times) {
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    return null;
  }
  return {
    total: count(value.total),
    series: count(value.series),
    limit: count(value.limit),
    damagedFile: text(value.damaged_file),
    storageError: text(value.storage_error),
    list: objects(value.list).map((p) => ({
      labels: labels(p.labels),
      series: count(p.series),
      expires: time(p.expires),
      ...times(p),
    })),
  };
}

// readBuilds reads what the overview says about runs and jobs. It returns null if there
// is nothing to show.
function readBuilds(value) {
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    return null;
  }
  const [runs, jobs, pipelines, classes] = [value.runs, value.jobs, value.pipelines, value.runner_classes].map(object);
  const active = (a) => ({ pending: count(a.pending), executing: count(a.executing), blocked: count(a.blocked) });
  const where = (x) => ({
    system: text(x.system),
    instance: text(x.instance),
    repository: text(x.repository),
    pipeline: text(x.pipeline),
    runnerClass: text(x.runner_class),
  });
  const period = (p) => ({
    count: count(p.runs ?? p.jobs),
    successRate: numberOrNull(p.success_rate),
    durationMedian: numberOrNull(p.duration_median_seconds),
    durationP95: numberOrNull(p.duration_p95_seconds),
    queueMedian: numberOrNull(p.queue_median_seconds),
    queueP95: numberOrNull(p.queue_p95_seconds),
  });
  const entries = (list) => ({
    total: count(list.total),
    forgotten: count(list.forgotten),
    list: objects(list.list).map((x) => ({ ...where(x), hour: period(object(x.hour)), day: period(object(x.day)) })),
  });
  const job = value.oldest_waiting_job ? object(value.oldest_waiting_job) : null;
  return {
    runs: active(runs),
    jobs: active(jobs),
    oldestJob: job && { ...where(job), job: text(job.job), waiting: count(job.waiting_seconds), url: webURL(job.url) },
    pipelines: entries(pipelines),
    runnerClasses: entries(classes),
    latestRuns: objects(value.latest_runs).map((r) => ({
      ...where(r),
      time: time(r.time),
      result: text(r.result),
      duration: numberOrNull(r.duration_seconds),
      url: webURL(r.url),
    })),
  };
}

// webURL returns the URL of a page on the web, or an empty string. The server has
// checked the URL, but a link to any other scheme could run a script.
function webURL(value) {
  try {
    const url = new URL(text(value));
    const isWeb = url.protocol === "https:" || url.protocol === "http:";
    return isWeb && url.username === "" && url.password === "" ? url.href : "";
  } catch {
    return "";
  }
}
