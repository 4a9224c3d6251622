// The list of raw requests, newest first: one tab stop, walked with the arrow keys, each opened in place.

import { byId, el, masked, reconcile, setText, time } from "./dom.js";
import { detailOf } from "./request.js";
import { handlesOf, isAccepted, read } from "./push.js";

const MOST = 100;

export class Requests {
  #entries = [];
  /** Of their own, so that a flood of good ones does not wash them away. */
  #refused = [];
  #views = new Map();
  #open = new Set();
  #changed = true;

  constructor({ nameOf }) {
    this.nameOf = nameOf;
    this.list = byId("request-list");
    this.onlyRefused = byId("only-refused");
    this.onlyRefused.addEventListener("change", () => this.#redraw());
    this.list.addEventListener("keydown", (event) => this.#walk(event));
    this.list.addEventListener("focusin", ({ target }) => this.#hold(target.closest(".entry")));
  }

  forget() {
    this.#entries = [];
    this.#refused = [];
    this.#open.clear();
    this.#changed = true;
  }

  receive(entry) {
    this.#entries.push(entry);
    if (!isAccepted(entry.request)) this.#refused.push(entry);
    for (const list of [this.#entries, this.#refused]) if (list.length > MOST) list.shift();
    this.#changed = true;
  }

  /** Opens a request and goes there. */
  reveal(number) {
    if (!this.#entries.some((entry) => entry.number === number)) return;
    this.onlyRefused.checked = false;
    this.#open.add(number);
    this.#redraw();
    const { button, element } = this.#views.get(number);
    button.focus({ preventScroll: true });
    element.scrollIntoView({ block: "nearest" });
  }

  draw() {
    if (!this.#changed) return;
    this.#changed = false;
    const entries = this.onlyRefused.checked ? this.#refused : this.#entries;
    reconcile(this.list, this.#views, entries.toReversed(), {
      key: (entry) => entry.number,
      make: (entry) => this.#make(entry),
      update: (view, entry) => this.#update(view, entry),
      leave: (view) => this.#remove(view),
    });
    for (const number of this.#open) if (!this.#views.has(number)) this.#open.delete(number);
    // Whoever walks the list stays where they are; whoever comes to it begins with the newest.
    const isWalked = this.list.contains(document.activeElement);
    this.#hold(isWalked ? document.activeElement.closest(".entry") : this.list.firstElementChild);
  }

  #redraw() {
    this.#changed = true;
    this.draw();
  }

  #make({ number, at, request }) {
    const accepted = isAccepted(request);
    const button = el(
      "button",
      { type: "button", "aria-expanded": "false", onclick: () => this.#toggle(number) },
      el("span", { class: accepted ? "status" : "status bad" }, String(request.status ?? "none")),
      el("span", { class: "what" }, accepted ? summary(request) : (request.reason ?? "no answer")),
      el("time", {}, time(at, true)),
      el("span", { class: "where" }, [this.#whom(request), request.hub, ...request.warnings].join(" · ")),
    );
    const element = el("li", { class: "entry" }, button);
    return { element, button, detail: undefined };
  }

  #whom(request) {
    const [handle, ...others] = handlesOf(request);
    if (!handle) return request.method;
    return others.length > 0 ? `${others.length + 1} devices` : `${this.nameOf(handle) ?? "device"} ${masked(handle)}`;
  }

  #update(view, { number, request }) {
    const isOpen = this.#open.has(number);
    if (isOpen === Boolean(view.detail)) return;
    view.button.setAttribute("aria-expanded", String(isOpen));
    view.detail?.remove();
    view.detail = isOpen ? detailOf(request) : undefined;
    if (view.detail) view.element.append(view.detail);
  }

  #remove({ element }) {
    // Whoever stands on a request that is forgotten is taken to the newest one instead of nowhere.
    const hadFocus = element.contains(document.activeElement);
    element.remove();
    if (hadFocus) this.list.querySelector("button")?.focus({ preventScroll: true });
  }

  #toggle(number) {
    if (!this.#open.delete(number)) this.#open.add(number);
    this.#redraw();
  }

  #walk(event) {
    const entries = [...this.list.children];
    const at = entries.indexOf(event.target.closest(".entry"));
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: entries.length - 1 }[event.key];
    // The arrows belong to what scrolls when the focus is there.
    if (to === undefined || !event.target.matches(".entry > button") || !entries[to]) return;
    event.preventDefault();
    entries[to].firstElementChild.focus();
  }

  /** Makes one entry the list's tab stop. */
  #hold(entry) {
    if (!entry) return;
    for (const { firstElementChild: button } of this.list.children) {
      const tabIndex = button.parentElement === entry ? 0 : -1;
      if (button.getAttribute("tabindex") !== String(tabIndex)) button.tabIndex = tabIndex;
    }
  }
}

/** What an accepted request does, in a few words. */
function summary(request) {
  if (handlesOf(request).length === 0) return request.path;
  const { effect } = read(request);
  switch (effect.kind) {
    case "show":
      return `alert: ${[effect.title, effect.text].filter(Boolean).join(", ")}`;
    case "edit":
      return `edit: ${effect.text}`;
    case "remove":
      return effect.thread === undefined ? "withdraws a notification" : "withdraws a thread";
    case "ring":
      return `call: ${effect.caller || "unknown caller"}`;
    default:
      return effect.line;
  }
}
