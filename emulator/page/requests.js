// The list of raw requests, newest first. It has one tab stop, arrow keys move the focus, and a request opens in place.

import { byId, el, masked, reconcile, setText, time } from "./dom.js";
import { detailOf } from "./request.js";
import { isAccepted, phoneAndEffect, pushesOf } from "./push.js";

const MAX_REQUESTS = 100;

export class Requests {
  #entries = [];
  /** In a list of their own, so that many accepted requests do not push them out. */
  #refused = [];
  #views = new Map();
  #open = new Set();
  #changed = true;

  constructor({ nameOf }) {
    this.nameOf = nameOf;
    this.list = byId("request-list");
    this.onlyRefused = byId("only-refused");
    this.onlyRefused.addEventListener("change", () => this.#redraw());
    this.list.addEventListener("keydown", (event) => this.#moveFocus(event));
    this.list.addEventListener("focusin", ({ target }) => this.#setTabStop(target.closest(".entry")));
  }

  clear() {
    this.#entries = [];
    this.#refused = [];
    this.#open.clear();
    this.#changed = true;
  }

  receive(entry) {
    this.#entries.push(entry);
    if (!isAccepted(entry.request)) this.#refused.push(entry);
    for (const list of [this.#entries, this.#refused]) if (list.length > MAX_REQUESTS) list.shift();
    this.#changed = true;
  }

  /** Opens a request and moves the focus to it. */
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
    // The tab stop stays on the focused request; without one it is the newest request.
    const hasFocus = this.list.contains(document.activeElement);
    this.#setTabStop(hasFocus ? document.activeElement.closest(".entry") : this.list.firstElementChild);
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
      el("span", { class: "where" }, [this.#recipient(request), request.hub, ...request.warnings].join(" · ")),
    );
    const element = el("li", { class: "entry" }, button);
    return { element, button, detail: undefined };
  }

  #recipient(request) {
    const { recipients } = request;
    if (recipients) return `${recipients.count} devices of ${recipients.tagExpression ?? "everybody"}`;
    const [push, ...others] = pushesOf(request);
    if (!push) return request.method;
    const { handle } = push;
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
    // The focus of a removed request moves to the newest one.
    const hadFocus = element.contains(document.activeElement);
    element.remove();
    if (hadFocus) this.list.querySelector("button")?.focus({ preventScroll: true });
  }

  #toggle(number) {
    if (!this.#open.delete(number)) this.#open.add(number);
    this.#redraw();
  }

  #moveFocus(event) {
    const entries = [...this.list.children];
    const at = entries.indexOf(event.target.closest(".entry"));
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: entries.length - 1 }[event.key];
    // Inside of the details arrow keys scroll.
    if (to === undefined || !event.target.matches(".entry > button") || !entries[to]) return;
    event.preventDefault();
    entries[to].firstElementChild.focus();
  }

  /** Makes an entry the tab stop of the list. */
  #setTabStop(entry) {
    if (!entry) return;
    for (const { firstElementChild: button } of this.list.children) {
      const tabIndex = button.parentElement === entry ? 0 : -1;
      if (button.getAttribute("tabindex") !== String(tabIndex)) button.tabIndex = tabIndex;
    }
  }
}

/** What an accepted request does, in short. */
function summary(request) {
  const [push] = pushesOf(request);
  if (!push) return request.recipients ? "no device has these tags" : request.path;
  const { effect } = phoneAndEffect(push);
  switch (effect.kind) {
    case "show":
      return `alert: ${[effect.title, effect.text].filter(Boolean).join(", ")}`;
    case "edit":
      return `edit: ${effect.text}`;
    case "remove":
      return effect.thread === undefined ? "removes a notification" : "removes a thread";
    case "ring":
      return `call: ${effect.caller || "unknown caller"}`;
    default:
      return effect.line;
  }
}
