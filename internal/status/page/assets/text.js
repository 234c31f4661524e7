// Text that somebody sent. It is shown as text and as nothing else: isolated, so
// that it cannot turn the direction of what stands beside it, with what cannot be
// seen made visible, and cut where it is long.

import { element } from "./element.js";

const shownCharacters = 80;
const fullCharacters = 4096;

// Controls, formatting characters (those that turn directions and those of no width
// among them), halves of characters, line separators, and what has no meaning yet.
const invisible = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\u034f\u115f\u1160\u3164\uffa0\u{e0100}-\u{e01ef}]/gu;

// What cannot be told from nothing, or from a name without it, unless it is in quotes.
const needsQuotes = /^$|^\p{Zs}|\p{Zs}$/u;

// codePoint is how a character is called: U+202E.
function codePoint(character) {
  return "U+" + character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
}

// pieces are the nodes that show a text.
function pieces(text) {
  const nodes = [];
  let from = 0;
  for (const found of text.matchAll(invisible)) {
    nodes.push(...breakable(text.slice(from, found.index)));
    nodes.push(element("span", { className: "escape" }, `‹${codePoint(found[0])}›`));
    from = found.index + found[0].length;
  }
  nodes.push(...breakable(text.slice(from)));
  return nodes;
}

// breakable are the nodes of a text that breaks after an underscore first: metrics have
// long names.
function breakable(text) {
  const parts = text.split(/(?<=[^_]_)(?=[^_])/);
  return parts.flatMap((part, index) => (index === 0 ? [part] : [element("wbr"), part]));
}

// escaped returns a text cut to a number of characters, with its invisible characters
// made visible, for places that cannot have elements.
export function escaped(text, most = fullCharacters) {
  const { head, cut } = beginning(text, most);
  return head.replace(invisible, (character) => `‹${codePoint(character)}›`) + (cut ? "…" : "");
}

// visible returns the beginning of a name like escaped, in quotes if it could not be
// seen otherwise.
export function visible(text) {
  const shown = escaped(text, shownCharacters);
  return needsQuotes.test(text) ? `“${shown}”` : shown;
}

// beginning is the first characters of a text. It cuts none in two, and does not
// look at the rest.
function beginning(text, most) {
  if (text.length <= most) {
    return { head: text, cut: false };
  }
  let end = 0;
  for (let count = 0; count < most && end < text.length; count++) {
    end += text.codePointAt(end) > 0xffff ? 2 : 1;
  }
  return { head: text.slice(0, end), cut: end < text.length };
}

// showName shows the name of something, in quotes if it could not be seen otherwise.
export function showName(place, name) {
  place.classList.toggle("quoted", needsQuotes.test(name));
  if (name !== "") {
    showText(place, name);
  } else if (place.shown !== "") {
    place.shown = "";
    place.replaceChildren();
  }
}

// showText shows a text in an element that has nothing else. It does nothing if the
// element shows it already; a long one that is open stays open.
export function showText(place, text) {
  if (place.shown === text) {
    return;
  }
  place.shown = text;
  if (text === "") {
    place.replaceChildren(element("span", { className: "muted" }, "–"));
    return;
  }
  const { head, cut } = beginning(text, shownCharacters);
  const short = element("bdi", {}, ...pieces(head));
  if (!cut) {
    place.replaceChildren(short);
    return;
  }
  const long = place.firstElementChild?.matches("details.long")
    ? place.firstElementChild
    : element("details", { className: "long" }, element("summary"));
  const { head: full, cut: endless } = beginning(text, fullCharacters);
  const more = [element("bdi", {}, ...pieces(full))];
  if (endless) {
    const rest = (text.length - full.length).toLocaleString();
    more.push(element("span", { className: "muted" }, ` and ${rest} characters more, which the JSON has`));
  }
  long.firstElementChild.replaceChildren(short, "…");
  long.replaceChildren(long.firstElementChild, element("p", {}, ...more));
  if (place.firstElementChild !== long) {
    place.replaceChildren(long);
  }
}
