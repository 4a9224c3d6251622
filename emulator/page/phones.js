// The phones and what is on them: from effects to what stands on each lock screen. No DOM. Everything is bounded, so
// that a flood costs no more than a full screen.

import { handlesOf, isAccepted, read } from "./push.js";

const MOST_PHONES = 8;
const MOST_SHOWN = 24;
const MOST_QUIET = 4;
/** As long as a call is worth ringing for. */
const RINGS_FOR = 30_000;

export class Phones {
  #byHandle = new Map();
  #named;

  constructor(named) {
    this.#named = named;
    this.forget();
  }

  forget() {
    this.all = this.#named.map(({ name, format, handles }) => new Phone(name, format === "apple", handles));
    this.#byHandle = new Map(this.all.flatMap((phone) => phone.handles.map((handle) => [handle, phone])));
    this.dropped = 0;
  }

  /** Takes an accepted request to its phones; returns what there is to say of it, or nothing. */
  receive({ number, at, isNews, request }) {
    if (!isAccepted(request)) return undefined;
    const fresh = isNews && Date.now() - at.getTime() < RINGS_FOR;
    const { phone: name, effect } = read(request);
    let said;
    for (const handle of handlesOf(request)) {
      const phone = this.#byHandle.get(handle) ?? this.#add(handle, name);
      phone.lastNumber = number;
      const line = phone.take(effect, { number, at, fresh });
      said = line && `${phone.name}: ${line}`;
    }
    return said;
  }

  nameOf(handle) {
    return this.#byHandle.get(handle)?.name;
  }

  #add(handle, name) {
    if (this.all.length >= MOST_PHONES) this.#drop();
    const phone = new Phone(name, name === "iPhone", [handle]);
    this.all.push(phone);
    this.#byHandle.set(handle, phone);
    return phone;
  }

  /** Forgets who was not pushed to for the longest time; phones with a name stay. */
  #drop() {
    const strangers = this.all.slice(this.#named.length);
    const oldest = strangers.reduce((one, other) => (other.lastNumber < one.lastNumber ? other : one), strangers[0]);
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

  take(effect, { number, at, fresh }) {
    this.version += 1;
    const say = (line) => this.#say(line, number, at);
    switch (effect.kind) {
      case "show":
        this.#show(effect, number, at);
        return [effect.title, effect.text].filter(Boolean).join(": ");
      case "edit": {
        const shown = this.notifications.get(effect.key);
        if (!shown) return say("edit of what is not shown");
        // An empty text says nothing of the text that is there.
        shown.title = effect.title || shown.title;
        shown.text = effect.text || shown.text;
        shown.edits += 1;
        shown.number = number;
        return `edited: ${[shown.title, shown.text].filter(Boolean).join(": ")}`;
      }
      case "remove":
        return say(this.#remove(effect));
      case "ring":
        return this.#ring(effect, number, at, fresh);
      default:
        return say(effect.line);
    }
  }

  /** Ends the call, which was `declined`, `missed` or `ended`. */
  endCall(how, at = new Date()) {
    const call = this.call;
    if (!call) return;
    this.call = undefined;
    this.version += 1;
    if (how === "missed") this.#miss(call);
    else this.#say(`call of ${call.caller || "somebody"} ${how}`, call.number, at);
  }

  acceptCall() {
    if (this.call) this.call.isConnected = true;
    this.version += 1;
  }

  #show(effect, number, at) {
    const key = effect.key ?? `#${number}`;
    const before = this.notifications.get(key);
    const notification = { ...effect, key, number, at, edits: before ? before.edits + 1 : 0 };
    // A passive one changes where it stands; any other one comes up again.
    if (effect.level !== "passive") this.notifications.delete(key);
    this.notifications.set(key, notification);
    if (this.notifications.size > MOST_SHOWN) this.notifications.delete(this.notifications.keys().next().value);
  }

  #remove({ key, thread }) {
    const keys = [...this.notifications.values()]
      .filter((shown) => (thread === undefined ? shown.key === key : shown.thread === thread || shown.group === thread))
      .map((shown) => shown.key);
    keys.forEach((gone) => this.notifications.delete(gone));
    if (keys.length === 0) return "withdrawal of what is not shown";
    return keys.length === 1 ? "notification withdrawn" : `${keys.length} notifications withdrawn`;
  }

  #ring({ caller, call }, number, at, fresh) {
    if (this.call && call && this.call.id === call) return undefined;
    const ringing = { id: call, caller, number, at, until: at.getTime() + RINGS_FOR };
    if (!fresh) {
      this.#miss(ringing);
      return undefined;
    }
    // Another call while one rings: the first one is missed. While one is on, the second one is.
    if (this.call?.isConnected) this.#miss(ringing);
    else {
      this.endCall("missed");
      this.call = ringing;
    }
    return `call of ${caller || "somebody"}`;
  }

  #miss({ caller, number, at }) {
    const words = { title: caller || "Unknown caller", subtitle: "", text: "Missed call", level: "active", notes: [] };
    this.#show({ ...words, key: `call ${number}` }, number, at);
  }

  #say(line, number, at) {
    this.quiet.unshift({ line, number, at });
    this.quiet.length = Math.min(this.quiet.length, MOST_QUIET);
    return line;
  }
}
