// Functions for the DOM. Texts are inserted as text nodes only, so that a push can't add markup.

/** Makes an element with attributes, listeners (`onclick`) and children; strings become text nodes. */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== undefined && child !== ""));
  return node;
}

export const byId = (id) => document.getElementById(id);

/** Sets a text if it differs: an unchanged one is neither laid out nor announced again. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * Updates the children of `parent` to show `items`, in their order. An item with the same key keeps its element, so that
 * focus and open details survive. `make(item)` returns a view, an object with an `element`; `update` changes it.
 */
export function reconcile(parent, kept, items, { key, make, update, leave = (view) => view.element.remove() }) {
  const wanted = new Set(items.map(key));
  for (const [name, view] of kept) {
    if (!wanted.has(name)) {
      kept.delete(name);
      leave(view);
    }
  }
  let next = firstStaying(parent.firstElementChild);
  for (const item of items) {
    const name = key(item);
    let view = kept.get(name);
    if (!view) {
      view = make(item);
      kept.set(name, view);
    }
    if (view.element === next) next = firstStaying(next.nextElementSibling);
    else parent.insertBefore(view.element, next);
    // After it was inserted: an element outside of the document can't take the focus.
    update(view, item);
  }
}

/** Skips elements that are being removed. */
function firstStaying(element) {
  while (element?.classList.contains("leaving")) element = element.nextElementSibling;
  return element ?? null;
}

/** Removes an element with an animation, if the user's settings allow motion. */
export function removeAnimated(element) {
  element.classList.add("leaving");
  element.setAttribute("aria-hidden", "true");
  element.inert = true;
  setTimeout(() => element.remove(), 400);
}

/** Always with 24 hours, so that all times have the same width. */
export const time = (date, seconds = false) =>
  date.toLocaleTimeString([], { hourCycle: "h23", timeStyle: seconds ? "medium" : "short" });

/** The last four characters, which tell devices apart but are not enough to send to one. */
export const masked = (handle) => `…${[...handle].length > 4 ? [...handle].slice(-4).join("") : ""}`;
