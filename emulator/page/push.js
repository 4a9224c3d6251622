// What a push does on the phone that gets it. Nothing here uses the DOM or keeps state.
//
// Effects, by `kind`:
//   show    { key?, group?, thread?, title, subtitle, text, level, notes }   shows a notification; replaces one with the same `key`
//   edit    { key, title, text }       changes a shown notification
//   remove  { key } or { thread }      removes notifications
//   ring    { caller, call }           a call
//   quiet   { line }                   no notification, only a line below the phone

import { readApns } from "./apns.js";
import { isForIphone, readFcm } from "./fcm.js";
import { object, parse, quiet } from "./values.js";

/** The kind of phone that gets a push, and its effect. */
export function phoneAndEffect({ format: name, headers, body }) {
  const format = (name ?? "").toLowerCase();
  const json = object(parse(body));
  if (format === "apple") return { phone: "iPhone", effect: readApns(headers, json) };
  if (format === "fcmv1") {
    const message = object(json.message);
    return { phone: isForIphone(message) ? "iPhone" : "Android", effect: readFcm(message) };
  }
  return { phone: "Device", effect: quiet(`${format || "unknown"} notification, ${body.length} characters`) };
}

export const isAccepted = ({ status }) => status >= 200 && status < 300;

/** The pushes of an accepted request: one, those of a batch, or what each device with matching tags gets. */
export function pushesOf({ format, headers, body, deviceHandle, batch, recipients }) {
  if (recipients) {
    return recipients.devices.map((device) => ({
      handle: device.deviceHandle,
      format: device.format,
      headers: device.notification === null ? headers : device.headers,
      body: device.notification ?? body,
    }));
  }
  const handles = batch?.deviceHandles ?? (deviceHandle ? [deviceHandle] : []);
  return handles.map((handle) => ({ handle, format, headers, body: batch?.notification ?? body }));
}
