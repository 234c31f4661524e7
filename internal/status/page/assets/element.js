// Helpers that create DOM elements. Nothing here parses HTML.

// element creates an element with the given properties and children. It sets role,
// scope, and properties whose names contain a dash as attributes.
export function element(tag, properties = {}, ...children) {
  const created = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role" || name === "scope") {
      created.setAttribute(name, value);
    } else {
      created[name] = value;
    }
  }
  created.append(...children);
  return created;
}

const svgNamespace = "http://www.w3.org/2000/svg";

// svgElement creates an SVG element with the given attributes.
export function svgElement(tag, attributes = {}) {
  const created = document.createElementNS(svgNamespace, tag);
  setAttributes(created, attributes);
  return created;
}

// setAttributes sets those attributes of an element whose values differ.
export function setAttributes(target, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    const text = String(value);
    if (target.getAttribute(name) !== text) {
      target.setAttribute(name, text);
    }
  }
}

// setText sets the text of an element if it differs. Otherwise it leaves the element
// alone, so that the user's selection stays and screen readers do not read it again.
export function setText(target, text) {
  if (target.textContent !== text) {
    target.textContent = text;
  }
}
