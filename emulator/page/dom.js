// Small words for the DOM. Text from pushes goes in as text nodes only; there is no way here to make markup of it.

/** An element with attributes, listeners (`onclick`) and children; strings become text. */
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

/** Sets a text only where it differs, so that nothing is laid out or announced again for nothing. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * Makes the children of `parent` those of `items`, in their order. What has the same key stays the same element, so
 * that focus and open details survive. `make(item)` gives an object with an `element`, `update` changes it.
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
    // Once it is in its place: what is nowhere can't take the focus.
    update(view, item);
  }
}

/** Elements on their way out keep their place until they are gone. */
function firstStaying(element) {
  while (element?.classList.contains("leaving")) element = element.nextElementSibling;
  return element ?? null;
}

/** Lets an element leave with an animation, where motion is welcome; removes it in any case. */
export function leaveSoftly(element) {
  element.classList.add("leaving");
  element.setAttribute("aria-hidden", "true");
  element.inert = true;
  setTimeout(() => element.remove(), 400);
}

/** 24 hours for everybody: it stands in columns. */
export const time = (date, seconds = false) =>
  date.toLocaleTimeString([], { hourCycle: "h23", timeStyle: seconds ? "medium" : "short" });

/** The last four characters: enough to tell devices apart, too little to send to one. */
export const masked = (handle) => `…${[...handle].length > 4 ? [...handle].slice(-4).join("") : ""}`;
