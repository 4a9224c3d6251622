// A DNS server for names of the test: on 127.0.0.1:53, where a program asks that has no /etc/resolv.conf.
// https://www.rfc-editor.org/rfc/rfc1035#section-4

import { createSocket } from "node:dgram";
import { once } from "node:events";

const A = 1;
const NO_SUCH_NAME = 3;

export class NameServer {
  /** Answers that each of `names` is 127.0.0.1, and that there are no others. */
  static async start(...names) {
    const socket = createSocket("udp4");
    const server = new NameServer(socket, names);
    socket.on("message", (query, { port, address }) => socket.send(server.#answer(query), port, address));
    socket.bind(53, "127.0.0.1");
    await once(socket, "listening");
    return server;
  }

  constructor(socket, names) {
    Object.assign(this, { socket, names, asked: new Set() });
  }

  #answer(query) {
    const labels = [];
    let at = 12;
    for (let length; (length = query[at]) > 0; at += length + 1) {
      labels.push(query.toString("latin1", at + 1, at + 1 + length));
    }
    const name = labels.join(".").toLowerCase();
    const type = query.readUInt16BE(at + 1);
    const question = query.subarray(12, at + 5);
    this.asked.add(name);

    const isKnown = this.names.includes(name);
    const header = Buffer.alloc(12);
    query.copy(header, 0, 0, 2);
    header.writeUInt16BE(0x8180 | (isKnown ? 0 : NO_SUCH_NAME), 2);
    header.writeUInt16BE(1, 4);
    if (!isKnown || type !== A) return Buffer.concat([header, question]);
    header.writeUInt16BE(1, 6);
    // The name of the question, type A, class IN, one minute, four bytes.
    const record = Buffer.from([0xc0, 12, 0, A, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]);
    return Buffer.concat([header, question, record]);
  }

  stop() {
    this.socket.close();
  }
}
