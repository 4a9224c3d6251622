// The product as a program, started and called as the Functions host would. Document: README.md.

import { built, start, stop } from "./program.js";

export class AcsPush {
  /** On a free port, with its store in memory and `settings`; started by a command line other than the usual one. */
  static async start(settings, [file, ...args] = [built("ACS_PUSH")], options = {}) {
    const env = { FUNCTIONS_CUSTOMHANDLER_PORT: "0", STORE: "memory:", ...settings };
    let address;
    // It tells the port in its first line.
    const child = await start(file, args, { env, ...options }, (line) => {
      address ??= /127\.0\.0\.1:\d+/.exec(line)?.[0];
      return address !== undefined;
    });
    return new AcsPush(child, `http://${address}`);
  }

  constructor(child, url) {
    this.child = child;
    this.url = url;
  }

  async register(id, installation) {
    const body = JSON.stringify(installation);
    await this.#call("PUT", `/api/installations/${id}`, body);
  }

  /** Delivers an Event Grid event in the host's envelope. */
  async deliver(event) {
    const sys = { MethodName: "EventGridTrigger", UtcNow: new Date().toISOString(), RandGuid: crypto.randomUUID() };
    await this.#call("POST", "/EventGridTrigger", JSON.stringify({ Data: { event }, Metadata: { sys } }));
  }

  /** Ends the program; resolves with its exit code. */
  stop() {
    return stop(this.child);
  }

  async #call(method, path, body) {
    const headers = { "Content-Type": "application/json" };
    const answer = await fetch(`${this.url}${path}`, { method, headers, body });
    if (!answer.ok) {
      throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    }
  }
}
