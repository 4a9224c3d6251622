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
    return this.#send("apple", handle, payload, headers);
  }

  fcm(handle, message) {
    return this.#send("fcmv1", handle, { message });
  }

  /** Resolves with the status. */
  #send(format, handle, payload, headers = {}) {
    const all = {
      authorization: this.token,
      "content-type": "application/json;charset=utf-8",
      "servicebusnotification-format": format,
      "servicebusnotification-devicehandle": handle,
      ...headers,
    };
    return new Promise((resolve, reject) => {
      const sending = request(this.url, { method: "POST", agent: this.#agent, headers: all }, (answer) => {
        answer.resume().on("end", () => resolve(answer.statusCode));
      });
      sending.on("error", reject).end(JSON.stringify(payload));
    });
  }

  end() {
    this.#agent.destroy();
  }
}
