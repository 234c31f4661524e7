// The overview, read so that nothing in it can surprise the page: a list that is
// missing is empty, a number that is none is 0, a text that is none is empty.

// How many entries of a list the server tells at most.
export const maxLimit = 1000;

const list = (value) => (Array.isArray(value) ? value : []);
const object = (value) => (value !== null && typeof value === "object" && !Array.isArray(value) ? value : {});
const objects = (value) => list(value).map(object);
const text = (value) => (typeof value === "string" ? value : "");
const number = (value) => (Number.isFinite(value) ? value : 0);
const count = (value) => Math.max(0, number(value));
const maybe = (value) => (Number.isFinite(value) ? value : null);
const rates = (value) => list(value).slice(-4000).map(count);

// Times become milliseconds since 1970, and null if there is none: that of Go's zero
// time is none.
function time(value) {
  const ms = Date.parse(text(value));
  return Number.isFinite(ms) && ms > 0 && ms < 8.64e15 ? ms : null;
}

const labels = (value) => objects(value).map((l) => ({ name: text(l.name), value: text(l.value) }));

// readOverview reads the JSON of GET api/v1/overview. It throws if that is nothing
// like an overview.
export function readOverview(json) {
  const o = object(json);
  if (time(o.time) === null) {
    throw new Error("the answer is no overview");
  }
  const [build, events, workers, families] = [o.build, o.events, o.workers, o.families].map(object);
  return {
    time: time(o.time),
    started: time(o.started),
    build: { version: text(build.version), revision: text(build.revision), goVersion: text(build.go_version) },
    settings: objects(o.settings).map((s) => ({ name: text(s.name), value: text(s.value) })),
    mapping: readMapping(o.mapping),
    input: readInput(o.input),
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
        containers: maybe(w.containers),
        volumes: maybe(w.volumes),
        tasks: maybe(w.tasks),
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
    groups: {
      ...readPushed(o.groups, (g) => ({ pushed: time(g.pushed), failed: time(g.failed) })),
      damagedFile: text(object(o.groups).damaged_file),
      storageError: text(object(o.groups).storage_error),
    },
    agents: readPushed(o.agents, (a) => ({ updated: time(a.updated) })),
    scrapes: objects(o.scrapes).map((s) => ({
      time: time(s.time),
      duration: count(s.duration_seconds),
      bytes: count(s.bytes),
      format: text(s.format),
      encoding: text(s.encoding),
      status: count(s.status),
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

function readInput(value) {
  if (value === null || typeof value !== "object") {
    return null;
  }
  return {
    format: text(value.format),
    accepted: count(value.accepted),
    unknown: count(value.unknown),
    rejected: count(value.rejected),
    skipped: count(value.skipped),
    endedAt: time(value.ended_at),
    error: text(value.error),
  };
}

function readExample(value) {
  if (value === null || typeof value !== "object") {
    return null;
  }
  return { time: time(value.time), event: text(value.event), metric: text(value.metric), message: text(value.message) };
}

// readPushed reads groups or agents, which have a list of who pushed.
function readPushed(value, times) {
  const pushed = object(value);
  return {
    total: count(pushed.total),
    series: count(pushed.series),
    limit: count(pushed.limit),
    list: objects(pushed.list).map((p) => ({
      labels: labels(p.labels),
      series: count(p.series),
      expires: time(p.expires),
      ...times(p),
    })),
  };
}
