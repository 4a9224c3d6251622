// A sender of direct sends by hand, quick and of any form. Knows neither the SDK nor acs-push.
// https://learn.microsoft.com/rest/api/notificationhubs/direct-send

import { createHmac } from "node:crypto";
import { Agent, request } from "node:http";

export class Sender {
  #agent = new Agent({ keepAlive: true, maxSockets: 16 });

  constructor({ connectionString, hubName }) {
    const [, endpoint, rule, key] = /Endpoint=(.+?);SharedAccessKeyName=(.+?);SharedAccessKey=(.+)/.exec(connectionString);
    const resource = encodeURIComponent(endpoint);
    const expiry = Math.floor(Date.now() / 1000) + 3600;
    const signature = createHmac("sha256", key).update(`${resource}\n${expiry}`).digest("base64");
    this.token = `SharedAccessSignature sr=${resource}&sig=${encodeURIComponent(signature)}&se=${expiry}&skn=${rule}`;
    this.url = `${endpoint}${hubName}/messages?direct&api-version=2020-06`;
  }

  apple(handle, payload, headers = {}) {
    return this.#send("apple", handle, JSON.stringify(payload), headers);
  }

  /** Any text for the body. */
  raw(handle, body) {
    return this.#send("apple", handle, body);
  }

  /** One alert for many. */
  appleBatch(handles, payload) {
    const parts = { notification: payload, devices: handles };
    const part = ([name, content]) =>
      `--b\r\nContent-Type: application/json\r\nContent-Disposition: inline; name=${name}\r\n\r\n${JSON.stringify(content)}\r\n`;
    const body = `${Object.entries(parts).map(part).join("")}--b--\r\n`;
    return this.#post(this.url.replace("/messages?", "/messages/$batch?"), body, {
      "content-type": 'multipart/mixed; boundary="b"',
      "servicebusnotification-format": "apple",
    });
  }

  fcm(handle, message) {
    return this.#send("fcmv1", handle, JSON.stringify({ message }));
  }

  #send(format, handle, body, headers = {}) {
    return this.#post(this.url, body, {
      "content-type": "application/json;charset=utf-8",
      "servicebusnotification-format": format,
      "servicebusnotification-devicehandle": handle,
      ...headers,
    });
  }

  /** Resolves with the status. */
  #post(url, body, headers) {
    const all = { authorization: this.token, ...headers };
    return new Promise((resolve, reject) => {
      const sending = request(url, { method: "POST", agent: this.#agent, headers: all }, (answer) => {
        answer.resume().on("end", () => resolve(answer.statusCode));
      });
      sending.on("error", reject).end(body);
    });
  }

  end() {
    this.#agent.destroy();
  }
}
