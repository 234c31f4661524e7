// Suggests a rule for an unknown event.

// Characters that a quoted YAML scalar cannot contain as they are, or that would be
// invisible in it.
const special = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}"\\\u00a0\ufeff]/gu;

// quoted returns a text as a double-quoted YAML scalar.
function quoted(text) {
  const escaped = text.replace(special, (character) => {
    if (character === '"' || character === "\\") {
      return "\\" + character;
    }
    const point = character.codePointAt(0);
    if (point >= 0xd800 && point <= 0xdfff) {
      return "\\uFFFD"; // unpaired surrogate
    }
    const digits = point.toString(16).toUpperCase();
    return point > 0xffff ? "\\U" + digits.padStart(8, "0") : "\\u" + digits.padStart(4, "0");
  });
  return `"${escaped}"`;
}

// metricName returns a counter name derived from the name of an event.
function metricName(event) {
  const name = event
    .toLowerCase()
    .slice(0, 100)
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^_+|_+$/g, "");
  const prefixed = /^[a-z]/.test(name) ? name : name === "" ? "events" : `events_${name}`;
  return prefixed.endsWith("_total") ? prefixed : `${prefixed}_total`;
}

// A name of more bytes than this may be only the beginning of the event's name.
const longName = 124;

// ruleFor returns a mapping file with a rule that counts the event.
export function ruleFor(event) {
  const long = new TextEncoder().encode(event).length > longName;
  return `rules:
  - event: ${quoted(event)}${long ? "  # replace with the full name if this is only its beginning" : ""}
    metric: ${metricName(event)}
    type: counter
    help: ${quoted(`Number of events named ${event}.`)}
    labels: []  # for example {name: team, attribute: team_name}
    operation: inc
`;
}
