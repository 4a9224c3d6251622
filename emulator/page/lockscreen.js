// Draws a phone: clock, notifications in groups, a line for each push without a notification, and a call above them.

import { CallScreen } from "./call.js";
import { el, removeAnimated, masked, reconcile, setText, time } from "./dom.js";

/** The number of notifications that a closed group shows. */
const SHOWN_IN_GROUP = 3;

export class LockScreen {
  #groups = new Map();
  #quiet = new Map();
  #open = new Set();
  #drawn = 0;

  constructor(phone, { onOpenRequest }) {
    this.phone = phone;
    this.openRequest = onOpenRequest;
    this.hour = el("span", { class: "hour" });
    this.day = el("span", { class: "day" });
    this.list = el("ol", { class: "notifications", "aria-label": "Notifications" });
    this.quietList = el("ol", { class: "quiet", "aria-label": "Pushes without a notification" });
    this.call = new CallScreen(phone);
    const handles = phone.handles.map(masked).join(" ");
    this.element = el(
      "li",
      { class: `phone ${phone.isIphone ? "ios" : "android"}` },
      el("h3", {}, `${phone.name} `, el("span", { class: "handle" }, handles)),
      el(
        "div",
        { class: "glass" },
        el("p", { class: "clock", "aria-hidden": "true" }, this.hour, this.day),
        this.list,
        this.call.element,
      ),
      this.quietList,
    );
  }

  /** Draws what changed, with animations if `animate` is set. */
  draw(now, animate) {
    setText(this.hour, time(now));
    setText(this.day, now.toLocaleDateString([], { weekday: "long", day: "numeric", month: "long" }));
    if (this.#drawn === this.phone.version) return;
    this.#drawn = this.phone.version;
    this.#drawGroups(animate);
    reconcile(this.quietList, this.#quiet, this.phone.quiet, {
      key: (line) => line.number,
      make: (line) => ({
        element: el("li", {}, el("button", { type: "button", onclick: () => this.openRequest(line.number) })),
      }),
      update: ({ element }, { line, at }) => setText(element.firstChild, `${time(at, true)}  ${line}`),
    });
    // A call covers the notifications: they can't be focused.
    this.list.inert = this.phone.call !== undefined;
    this.call.draw();
  }

  leave() {
    this.call.leave();
    this.element.remove();
  }

  #drawGroups(animate) {
    reconcile(this.list, this.#groups, groupsOf(this.phone), {
      key: (group) => group.key,
      make: (group) => this.#makeGroup(group.key),
      update: (view, group) => this.#updateGroup(view, group, animate),
      leave: (view) => (animate ? removeAnimated(view.element) : view.element.remove()),
    });
  }

  #makeGroup(key) {
    const list = el("ol", {});
    const more = el("button", { type: "button", class: "more", onclick: () => this.#toggle(key) });
    return { element: el("li", { class: "group" }, list, more), list, more, kept: new Map() };
  }

  #toggle(key) {
    if (!this.#open.delete(key)) this.#open.add(key);
    this.#drawGroups(false);
  }

  #updateGroup(view, { key, notifications }, animate) {
    const isOpen = this.#open.has(key);
    const shown = isOpen ? notifications : notifications.slice(0, SHOWN_IN_GROUP);
    reconcile(view.list, view.kept, shown, {
      key: (notification) => notification.key,
      make: () => makeCard((number) => this.openRequest(number)),
      update: updateCard,
      leave: (card) => (animate ? removeAnimated(card.element) : card.element.remove()),
    });
    const rest = notifications.length - SHOWN_IN_GROUP;
    view.more.hidden = rest <= 0;
    view.more.setAttribute("aria-expanded", String(isOpen));
    setText(view.more, isOpen ? "Show less" : `${rest} more`);
  }
}

/** Newest first; a group is placed by its newest notification. */
function groupsOf(phone) {
  const groups = new Map();
  for (const notification of [...phone.notifications.values()].reverse()) {
    // A notification without a group is a group of its own.
    const key = notification.group ? `group ${notification.group}` : `single ${notification.key}`;
    if (!groups.has(key)) groups.set(key, { key, notifications: [] });
    groups.get(key).notifications.push(notification);
  }
  return [...groups.values()];
}

function makeCard(openRequest) {
  const card = { number: 0, edits: 0 };
  card.title = el("button", { type: "button", class: "title", dir: "auto", onclick: () => openRequest(card.number) });
  card.at = el("time", {});
  card.subtitle = el("p", { class: "subtitle", dir: "auto" });
  card.text = el("p", { class: "text", dir: "auto" });
  card.notes = el("p", { class: "notes" });
  card.element = el("li", { class: "card" }, card.title, card.at, card.subtitle, card.text, card.notes);
  return card;
}

function updateCard(card, { title, subtitle, text, level, notes, edits, number, at }) {
  // Without a title the system shows the app's name.
  setText(card.title, title || "App");
  setText(card.subtitle, subtitle);
  setText(card.text, text);
  setText(card.notes, [...notes, edits > 0 && "replaced"].filter(Boolean).join(" · "));
  setText(card.at, time(at));
  card.element.dataset.level = level;
  if (card.edits !== edits) {
    // Removing the class and reading the layout restarts the animation.
    card.element.classList.remove("changed");
    void card.element.offsetWidth;
    card.element.classList.add("changed");
  }
  Object.assign(card, { number, edits });
}
