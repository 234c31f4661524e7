// The beginning of a rule for an event that no rule knows.

// Characters that a quoted text in YAML cannot have as they are, or that nobody would
// see there.
const special = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}"\\\u00a0\ufeff]/gu;

// quoted is a text as a double-quoted scalar of YAML.
function quoted(text) {
  const escaped = text.replace(special, (character) => {
    if (character === '"' || character === "\\") {
      return "\\" + character;
    }
    const point = character.codePointAt(0);
    if (point >= 0xd800 && point <= 0xdfff) {
      return "\\uFFFD"; // half a character
    }
    const digits = point.toString(16).toUpperCase();
    return point > 0xffff ? "\\U" + digits.padStart(8, "0") : "\\u" + digits.padStart(4, "0");
  });
  return `"${escaped}"`;
}

// metricName makes the name of a counter of the name of an event.
function metricName(event) {
  const name = event
    .toLowerCase()
    .slice(0, 100)
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^_+|_+$/g, "");
  const begins = /^[a-z]/.test(name) ? name : name === "" ? "events" : `events_${name}`;
  return begins.endsWith("_total") ? begins : `${begins}_total`;
}

// From so many bytes on, a name may be only the beginning of the event's.
const longName = 124;

// ruleFor is a mapping file with a rule that counts the event.
export function ruleFor(event) {
  const long = new TextEncoder().encode(event).length > longName;
  return `rules:
  - event: ${quoted(event)}${long ? "  # write it in full, if it is longer" : ""}
    metric: ${metricName(event)}
    type: counter
    help: ${quoted(`Events that are called ${event}.`)}
    labels: []  # such as {name: team, attribute: team_name}
    operation: inc
`;
}
