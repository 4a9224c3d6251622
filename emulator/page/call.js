// A call on one phone: rings over the whole screen until somebody takes it or its time is over.

import { el, setText } from "./dom.js";

/** The phones that ring, oldest first: Escape and Enter mean the first of them. */
const ringing = [];
let focusBefore;

export class CallScreen {
  #timer;
  #drawnNumber;

  constructor(phone) {
    this.phone = phone;
    this.caller = el("p", { class: "caller", dir: "auto", id: `caller-${crypto.randomUUID()}` });
    this.state = el("p", { class: "state" });
    this.accept = el("button", { type: "button", class: "accept", onclick: () => this.take() }, "Accept");
    this.decline = el("button", { type: "button", class: "decline", onclick: () => this.end("declined") }, "Decline");
    this.element = el(
      "div",
      { class: "call", role: "alertdialog", "aria-labelledby": this.caller.id, hidden: true },
      this.state,
      this.caller,
      el("div", { class: "buttons" }, this.decline, this.accept),
    );
  }

  draw() {
    const call = this.phone.call;
    this.element.hidden = !call;
    if (call?.number === this.#drawnNumber) return;
    this.#drawnNumber = call?.number;
    this.leave();
    if (!call) return;
    setText(this.caller, call.caller || "Unknown caller");
    setText(this.state, "Incoming call");
    setText(this.decline, "Decline");
    this.accept.hidden = false;
    this.element.classList.remove("connected");
    this.#timer = setTimeout(() => this.end("missed"), call.until - Date.now());
    ringing.push(this);
    this.#takeFocus();
  }

  take() {
    clearTimeout(this.#timer);
    this.phone.acceptCall();
    setText(this.state, "Connected");
    setText(this.decline, "End");
    this.accept.hidden = true;
    this.element.classList.add("connected");
    this.decline.focus();
  }

  end(how) {
    this.phone.endCall(this.phone.call?.isConnected ? "ended" : how);
    this.draw();
    document.dispatchEvent(new Event("phone-changed"));
  }

  /** A call takes the focus, as it takes the screen; but not from somebody who is typing. */
  #takeFocus() {
    const active = document.activeElement;
    if (active?.matches("textarea, select, input") || ringing[0] !== this) return;
    if (!active?.closest(".call")) focusBefore = active;
    this.accept.focus();
  }

  /** Rings no more, and gives the focus on. */
  leave() {
    clearTimeout(this.#timer);
    const index = ringing.indexOf(this);
    if (index < 0) return;
    ringing.splice(index, 1);
    const hadFocus = this.element.contains(document.activeElement) || document.activeElement === document.body;
    if (!hadFocus) return;
    const next = ringing[0];
    (next ? (next.phone.call?.isConnected ? next.decline : next.accept) : focusBefore)?.focus();
  }
}

/** Escape declines from anywhere; Enter accepts where it has no other meaning. */
document.addEventListener("keydown", (event) => {
  const first = ringing.find((screen) => screen.element.contains(event.target)) ?? ringing[0];
  if (!first) return;
  if (event.key === "Escape") first.end("declined");
  else if (event.key === "Enter" && event.target === document.body && !first.phone.call.isConnected) first.take();
  else return;
  event.preventDefault();
});
