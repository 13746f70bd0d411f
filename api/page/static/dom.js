// Elements. Text is always text: nothing here, or anywhere on this page, parses
// markup.

/**
 * el makes an element. Of its properties "class" and "text" are what they say, on…
 * are listeners, false and null leave an attribute out, true leaves it empty.
 */
export function el(tag, properties, ...children) {
  return dress(document.createElement(tag), properties, children);
}

/** svg is el for drawings. */
export function svg(tag, properties, ...children) {
  return dress(document.createElementNS("http://www.w3.org/2000/svg", tag), properties, children);
}

function dress(node, properties, children) {
  for (const [key, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "text") node.textContent = value;
    else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** text sets a node's text if it is another. */
export function text(node, value) {
  if (node.textContent !== value) node.textContent = value;
}

/** attribute sets an attribute if it is another; null removes it. */
export function attribute(node, name, value) {
  if (value === null) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

/**
 * fill gives a node other children, unless the key says that they would be the same:
 * whoever reads or has the focus there is not disturbed.
 */
export function fill(node, key, make) {
  if (key !== undefined && node.filledWith === key) return;
  node.filledWith = key;
  node.replaceChildren(...[make()].flat(Infinity).filter(Boolean));
}

/** A link to a view. */
export function link(href, ...children) {
  return el("a", { href }, ...children);
}

export const lockHref = (name) => "#/lock/" + encodeURIComponent(name);
export const sessionHref = (id) => "#/session/" + encodeURIComponent(id);

/** A lock's name, which may be in any script and of any length. */
export function lockName(name) {
  return el("bdi", { class: "name", text: name });
}

/** say has a screen reader say something, once. */
export function say(what) {
  const said = document.getElementById("said");
  said.textContent = "";
  requestAnimationFrame(() => (said.textContent = what));
}
