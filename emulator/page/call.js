// The call screen of a phone: it rings until the call is accepted, declined or times out.

import { el, setText } from "./dom.js";

/** The ringing phones, oldest first: Escape and Enter act on the first of them. */
const ringing = [];
let focusBefore;

export class CallScreen {
  #timer;
  #drawnNumber;

  constructor(phone) {
    this.phone = phone;
    this.caller = el("p", { class: "caller", dir: "auto", id: `caller-${crypto.randomUUID()}` });
    this.state = el("p", { class: "state" });
    this.accept = el("button", { type: "button", class: "accept", onclick: () => this.acceptCall() }, "Accept");
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

  acceptCall() {
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

  /** Moves the focus to the call, unless the user is typing. */
  #takeFocus() {
    const active = document.activeElement;
    if (active?.matches("textarea, select, input") || ringing[0] !== this) return;
    if (!active?.closest(".call")) focusBefore = active;
    this.accept.focus();
  }

  /** Stops ringing, and moves the focus to the next call or back. */
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

/** Escape declines wherever the focus is; Enter accepts when nothing else has the focus. */
document.addEventListener("keydown", (event) => {
  const first = ringing.find((screen) => screen.element.contains(event.target)) ?? ringing[0];
  if (!first) return;
  if (event.key === "Escape") first.end("declined");
  else if (event.key === "Enter" && event.target === document.body && !first.phone.call.isConnected) first.acceptCall();
  else return;
  event.preventDefault();
});
