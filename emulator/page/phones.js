// The phones and their notifications: applies the effects of pushes to the lock screens. Nothing here uses the DOM. All
// numbers are bounded, so that many pushes cost no more than a full screen.

import { isAccepted, phoneAndEffect, pushesOf } from "./push.js";

const MAX_PHONES = 8;
const MAX_NOTIFICATIONS = 24;
const MAX_QUIET = 4;
/** How long a call rings. */
const RING_MS = 30_000;

export class Phones {
  #byHandle = new Map();
  #named;

  constructor(named) {
    this.#named = named;
    this.clear();
  }

  clear() {
    this.all = this.#named.map(({ name, format, handles }) => new Phone(name, format === "apple", handles));
    this.#byHandle = new Map(this.all.flatMap((phone) => phone.handles.map((handle) => [handle, phone])));
    this.dropped = 0;
  }

  /** Shows an accepted request on its phones; returns a text for screen readers, if there is one. */
  receive({ number, at, isNew, request }) {
    if (!isAccepted(request)) return undefined;
    const isRecent = isNew && Date.now() - at.getTime() < RING_MS;
    let announcement;
    for (const push of pushesOf(request)) {
      const { handle } = push;
      const { phone: name, effect } = phoneAndEffect(push);
      const phone = this.#byHandle.get(handle) ?? this.#add(handle, name);
      phone.lastNumber = number;
      const line = phone.apply(effect, { number, at, isRecent });
      announcement = line && `${phone.name}: ${line}`;
    }
    return announcement;
  }

  nameOf(handle) {
    return this.#byHandle.get(handle)?.name;
  }

  #add(handle, name) {
    if (this.all.length >= MAX_PHONES) this.#drop();
    const phone = new Phone(name, name === "iPhone", [handle]);
    this.all.push(phone);
    this.#byHandle.set(handle, phone);
    return phone;
  }

  /** Removes the phone that had no push for the longest time; phones with a name stay. */
  #drop() {
    const unnamed = this.all.slice(this.#named.length);
    const oldest = unnamed.reduce((one, other) => (other.lastNumber < one.lastNumber ? other : one), unnamed[0]);
    if (!oldest) return;
    this.all = this.all.filter((phone) => phone !== oldest);
    oldest.handles.forEach((handle) => this.#byHandle.delete(handle));
    this.dropped += 1;
  }
}

class Phone {
  /** Oldest first, by key. */
  notifications = new Map();
  quiet = [];
  call = undefined;
  lastNumber = 0;
  /** Rises with each change, so that only what changed is drawn. */
  version = 1;

  constructor(name, isIphone, handles) {
    Object.assign(this, { name, isIphone, handles });
  }

  apply(effect, { number, at, isRecent }) {
    this.version += 1;
    const log = (line) => this.#log(line, number, at);
    switch (effect.kind) {
      case "show":
        this.#show(effect, number, at);
        return [effect.title, effect.text].filter(Boolean).join(": ");
      case "edit": {
        const shown = this.notifications.get(effect.key);
        if (!shown) return log("edit: notification not shown");
        // An empty text does not replace the shown one.
        shown.title = effect.title || shown.title;
        shown.text = effect.text || shown.text;
        shown.edits += 1;
        shown.number = number;
        return `edited: ${[shown.title, shown.text].filter(Boolean).join(": ")}`;
      }
      case "remove":
        return log(this.#remove(effect));
      case "ring":
        return this.#ring(effect, number, at, isRecent);
      default:
        return log(effect.line);
    }
  }

  /** Ends the call; `how` is `declined`, `missed` or `ended`. */
  endCall(how, at = new Date()) {
    const call = this.call;
    if (!call) return;
    this.call = undefined;
    this.version += 1;
    if (how === "missed") this.#miss(call);
    else this.#log(`call from ${call.caller || "unknown caller"} ${how}`, call.number, at);
  }

  acceptCall() {
    if (this.call) this.call.isConnected = true;
    this.version += 1;
  }

  #show(effect, number, at) {
    const key = effect.key ?? `#${number}`;
    const before = this.notifications.get(key);
    const notification = { ...effect, key, number, at, edits: before ? before.edits + 1 : 0 };
    // A passive notification is replaced in its place; any other one moves to the top.
    if (effect.level !== "passive") this.notifications.delete(key);
    this.notifications.set(key, notification);
    if (this.notifications.size > MAX_NOTIFICATIONS) this.notifications.delete(this.notifications.keys().next().value);
  }

  #remove({ key, thread }) {
    const keys = [...this.notifications.values()]
      .filter((shown) => (thread === undefined ? shown.key === key : shown.thread === thread || shown.group === thread))
      .map((shown) => shown.key);
    keys.forEach((removed) => this.notifications.delete(removed));
    if (keys.length === 0) return "removal: notification not shown";
    return keys.length === 1 ? "notification removed" : `${keys.length} notifications removed`;
  }

  #ring({ caller, call }, number, at, isRecent) {
    if (this.call && call && this.call.id === call) return undefined;
    const ringing = { id: call, caller, number, at, until: at.getTime() + RING_MS };
    if (!isRecent) {
      this.#miss(ringing);
      return undefined;
    }
    // A second call makes a ringing one a missed call. During a connected call the second one is missed.
    if (this.call?.isConnected) this.#miss(ringing);
    else {
      this.endCall("missed");
      this.call = ringing;
    }
    return `call from ${caller || "unknown caller"}`;
  }

  #miss({ caller, number, at }) {
    const texts = { title: caller || "Unknown caller", subtitle: "", text: "Missed call", level: "active", notes: [] };
    this.#show({ ...texts, key: `call ${number}` }, number, at);
  }

  #log(line, number, at) {
    this.quiet.unshift({ line, number, at });
    this.quiet.length = Math.min(this.quiet.length, MAX_QUIET);
    return line;
  }
}
