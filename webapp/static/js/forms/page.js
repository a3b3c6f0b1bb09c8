// Small things that several modules need: the sprite's icons, the server's clock, what was typed.

export function icon(form, name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `${form.dataset.icons}#${name}`);
  svg.append(use);
  return svg;
}

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

// The server's clock decides: a phone may be minutes off.
const offsets = new WeakMap();
export function serverNow(form) {
  if (!offsets.has(form)) offsets.set(form, Date.parse(form.dataset.now) - performance.timeOrigin);
  return performance.timeOrigin + performance.now() + offsets.get(form);
}

// Says to the form that a value was changed by a script, as if by hand.
export function changed(field) {
  field.dispatchEvent(new Event("change", { bubbles: true }));
}

// Everything typed, in the order of the page; never a password, a token, or a file's own field.
export function typedPairs(form) {
  const pairs = [];
  for (const [name, value] of new FormData(form)) {
    const ours = name === "csrf_token" || name === "key" || name.startsWith("_");
    if (!ours && !/password/i.test(name) && typeof value === "string") pairs.push([name, value]);
  }
  return pairs;
}

export function isAsked(node) {
  return !node.closest("[data-question][hidden], [data-cell-said][hidden]");
}
