// An element with attributes and children; true is an empty attribute, false and null are none.
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

// A button that says words, or holds an element, and does something when it is pressed.
export function button(content, press, attributes = {}) {
  const made = make("button", { type: "button", class: "plain", ...attributes }, content);
  made.addEventListener("click", press);
  return made;
}

// A form that does something with its elements by name, and nothing where they do not hold what they must.
export function form(attributes, children, send) {
  const made = make("form", attributes, ...children);
  made.addEventListener("submit", (event) => {
    event.preventDefault();
    send(made.elements);
  });
  return made;
}

// Makes these the children of `parent`, moving as little as can be: what stays is not touched.
export function settle(parent, children) {
  let at = parent.firstChild;
  for (const child of children) {
    if (child === at) at = at.nextSibling;
    else parent.insertBefore(child, at);
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}
