// Elements, made without any markup: nothing here reads HTML.

// element makes an element with the given properties and children. Properties whose
// name has a dash, and role, are attributes; the others are set as they are.
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role" || name === "scope") {
      made.setAttribute(name, value);
    } else {
      made[name] = value;
    }
  }
  made.append(...children);
  return made;
}

const svgNamespace = "http://www.w3.org/2000/svg";

// drawing makes an element of SVG with the given attributes.
export function drawing(tag, attributes = {}) {
  const made = document.createElementNS(svgNamespace, tag);
  draw(made, attributes);
  return made;
}

// draw sets attributes of an element of SVG, those that are not so already.
export function draw(drawn, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    const text = String(value);
    if (drawn.getAttribute(name) !== text) {
      drawn.setAttribute(name, text);
    }
  }
}

// say gives an element a text, unless it has it: what somebody has selected, and
// what a screen reader has read, stays.
export function say(spoken, text) {
  if (spoken.textContent !== text) {
    spoken.textContent = text;
  }
}
