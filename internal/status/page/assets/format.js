// Formats numbers, sizes and times for people.

const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });
const hundredths = new Intl.NumberFormat(undefined, { maximumFractionDigits: 2 });
const exponential = new Intl.NumberFormat(undefined, { notation: "scientific", maximumFractionDigits: 2 });
const compact = new Intl.NumberFormat(undefined, { notation: "compact", maximumSignificantDigits: 3 });

// number formats a count: "12,345".
export function number(n) {
  return n >= 1e15 ? exponential.format(n) : whole.format(n);
}

// quantity formats the value of a gauge, which can have a fraction.
export function quantity(n) {
  return Math.abs(n) >= 1e15 ? exponential.format(n) : hundredths.format(n);
}

// rate formats a number of events per second, with more digits for smaller numbers.
export function rate(n) {
  if (n > 0 && n < 0.01) {
    return "< " + hundredths.format(0.01);
  }
  return (n >= 100 ? whole : n >= 10 ? tenths : hundredths).format(n);
}

// tick formats a number on an axis.
export function tick(n) {
  return n >= 10000 ? compact.format(n) : hundredths.format(n);
}

// plural formats a count with its noun: "1 worker", "19 workers".
export function plural(n, noun, nouns = noun + "s") {
  return `${number(n)} ${n === 1 ? noun : nouns}`;
}

// share formats a part of a whole in percent. It returns "0 %" only if one of them is 0.
export function share(part, all) {
  if (all <= 0 || part <= 0) {
    return "0 %";
  }
  const percent = (100 * part) / all;
  return percent < 0.1 ? "< 0.1 %" : `${(percent < 10 ? tenths : whole).format(percent)} %`;
}

// bytes formats a size, with units that are powers of 1000.
export function bytes(n) {
  if (n < 1000) {
    return `${whole.format(n)} B`;
  }
  const units = ["kB", "MB", "GB", "TB", "PB", "EB"];
  let unit = -1;
  for (; n >= 999.5 && unit < units.length - 1; unit++) {
    n /= 1000;
  }
  return `${(n < 10 ? tenths : whole).format(n)} ${units[unit]}`;
}

// duration formats a time that can be shorter than a second: "310 µs", "21 ms", "12 s".
export function duration(seconds) {
  const s = Math.max(0, seconds);
  if (s < 0.0005) {
    return `${whole.format(s * 1e6)} µs`;
  }
  if (s < 1) {
    return `${(s < 0.01 ? tenths : whole).format(s * 1000)} ms`;
  }
  if (s < 10 && !Number.isInteger(s)) {
    return `${tenths.format(s)} s`;
  }
  return span(s);
}

// span formats a time in seconds and longer units: "12 s", "3 min", "2 h 5 min".
export function span(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  if (s < 60) {
    return `${s} s`;
  }
  const minutes = Math.floor(s / 60);
  if (minutes < 60) {
    return minutes < 5 && s % 60 ? `${minutes} min ${s % 60} s` : `${minutes} min`;
  }
  const hours = Math.floor(minutes / 60);
  if (hours < 48) {
    return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  }
  const days = Math.floor(hours / 24);
  if (days > 3650) {
    return "10 years or more";
  }
  return hours % 24 && days < 10 ? `${days} d ${hours % 24} h` : `${whole.format(days)} d`;
}

const clockFormat = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const secondsFormat = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});
const fullFormat = new Intl.DateTimeFormat(undefined, {
  year: "numeric",
  month: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
  timeZoneName: "short",
});

// clock formats the time of day, in hours and minutes, of a time in milliseconds since
// 1970.
export function clock(ms) {
  return clockFormat.format(ms);
}

// clockSeconds is like clock, with seconds.
export function clockSeconds(ms) {
  return secondsFormat.format(ms);
}

// absolute formats the full date and time.
export function absolute(ms) {
  return fullFormat.format(ms);
}
