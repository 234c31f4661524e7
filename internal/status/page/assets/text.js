// Shows text from clients, which may be malicious. It is never interpreted as markup. It
// is isolated, so that it cannot change the direction of the text around it. Invisible
// characters are shown as escapes, and long texts are cut.

import { element } from "./element.js";

// The lengths to which texts are cut when they are closed and when they are open, in
// characters.
const shortLength = 80;
const fullLength = 4096;

// Control characters, formatting characters (which include those that change the
// direction and those without width), unpaired surrogates, line separators, and
// private-use and unassigned characters.
const invisible = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\u034f\u115f\u1160\u3164\uffa0\u{e0100}-\u{e01ef}]/gu;

// Names that are empty, or that begin or end with a space, are visible only in quotes.
const needsQuotes = /^$|^\p{Zs}|\p{Zs}$/u;

// codePoint returns the notation of a character: "U+202E".
function codePoint(character) {
  return "U+" + character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
}

// textNodes returns the nodes that show a text.
function textNodes(text) {
  const nodes = [];
  let from = 0;
  for (const found of text.matchAll(invisible)) {
    nodes.push(...breakAtUnderscores(text.slice(from, found.index)));
    nodes.push(element("span", { className: "escape" }, `‹${codePoint(found[0])}›`));
    from = found.index + found[0].length;
  }
  nodes.push(...breakAtUnderscores(text.slice(from)));
  return nodes;
}

// breakAtUnderscores returns the nodes of a text in which lines break preferably after
// underscores: the names of metrics are long.
function breakAtUnderscores(text) {
  const parts = text.split(/(?<=[^_]_)(?=[^_])/);
  return parts.flatMap((part, index) => (index === 0 ? [part] : [element("wbr"), part]));
}

// escapeInvisible returns a text cut to a number of characters, with its invisible
// characters escaped. Use it for plain text, such as attributes, which cannot contain
// elements.
export function escapeInvisible(text, maxLength = fullLength) {
  const { head, cut } = truncate(text, maxLength);
  return head.replace(invisible, (character) => `‹${codePoint(character)}›`) + (cut ? "…" : "");
}

// displayName is like escapeInvisible for names. It cuts them to the short length, and
// puts them in quotes if necessary.
export function displayName(name) {
  const shown = escapeInvisible(name, shortLength);
  return needsQuotes.test(name) ? `“${shown}”` : shown;
}

// truncate returns the first characters of a text, and whether it has more. It does not
// split surrogate pairs, and does not read the rest of the text.
function truncate(text, maxLength) {
  if (text.length <= maxLength) {
    return { head: text, cut: false };
  }
  let end = 0;
  for (let count = 0; count < maxLength && end < text.length; count++) {
    end += text.codePointAt(end) > 0xffff ? 2 : 1;
  }
  return { head: text.slice(0, end), cut: end < text.length };
}

// showName is like showText for names. It puts them in quotes if necessary.
export function showName(target, name) {
  target.classList.toggle("quoted", needsQuotes.test(name));
  if (name !== "") {
    showText(target, name);
  } else if (target.shown !== "") {
    target.shown = "";
    target.replaceChildren();
  }
}

// showText shows a text as the only content of an element. It does nothing if the
// element already shows the text. A long text that the user has opened stays open.
export function showText(target, text) {
  if (target.shown === text) {
    return;
  }
  target.shown = text;
  if (text === "") {
    target.replaceChildren(element("span", { className: "muted" }, "–"));
    return;
  }
  const { head, cut } = truncate(text, shortLength);
  const short = element("bdi", {}, ...textNodes(head));
  if (!cut) {
    target.replaceChildren(short);
    return;
  }
  const long = target.firstElementChild?.matches("details.long")
    ? target.firstElementChild
    : element("details", { className: "long" }, element("summary"));
  const { head: full, cut: fullCut } = truncate(text, fullLength);
  const nodes = [element("bdi", {}, ...textNodes(full))];
  if (fullCut) {
    const rest = (text.length - full.length).toLocaleString();
    nodes.push(element("span", { className: "muted" }, ` and ${rest} more characters, which are in the JSON`));
  }
  long.firstElementChild.replaceChildren(short, "…");
  long.replaceChildren(long.firstElementChild, element("p", {}, ...nodes));
  if (target.firstElementChild !== long) {
    target.replaceChildren(long);
  }
}
