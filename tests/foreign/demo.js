// The demo as a program: handler, emulator and samples in one process. Document: examples/demo/main.rs.

import { once } from "node:events";
import { readFile } from "node:fs/promises";

import { built, start } from "./program.js";

export class Demo {
  /** Resolves when all samples were posted and it waits for more. */
  static async start() {
    let url;
    const child = await start(built("DEMO"), [], {}, (line) => {
      // The page's address is printed first.
      url ??= /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0];
      return line.startsWith("Waiting for pushes");
    });
    const demo = new Demo(child, url);
    // For the sender: the demo itself needs no settings, so it prints none. Each hub has a key of its own.
    const text = await (await fetch(`${url}/`)).text();
    const hubs = text.matchAll(/^ {2}(\S+) \(.*\n {4}(Endpoint=\S+)/gm);
    const [alerts, voip] = Array.from(hubs, ([, hubName, connectionString]) => ({ hubName, connectionString }));
    return Object.assign(demo, alerts, { voip });
  }

  constructor(child, url) {
    Object.assign(this, { child, url });
  }

  async forget() {
    await fetch(`${this.url}/_emulator/requests`, { method: "DELETE" });
  }

  /** Resident memory in MiB. */
  async memory() {
    const status = await readFile(`/proc/${this.child.pid}/status`, "utf8");
    return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)[1]) / 1024);
  }

  /** Ends it as Ctrl-C does; resolves with its exit code. */
  async stop() {
    const exited = once(this.child, "exit");
    this.child.kill("SIGINT");
    const [code] = await exited;
    return code;
  }
}
