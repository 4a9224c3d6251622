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

/** The kind of phone of an accepted request, and the effect of the push on it. */
export function phoneAndEffect(request) {
  const format = (request.format ?? "").toLowerCase();
  const body = request.batch?.notification ?? request.body;
  const json = object(parse(body));
  if (format === "apple") return { phone: "iPhone", effect: readApns(request.headers, json) };
  if (format === "fcmv1") {
    const message = object(json.message);
    return { phone: isForIphone(message) ? "iPhone" : "Android", effect: readFcm(message) };
  }
  return { phone: "Device", effect: quiet(`${format || "unknown"} notification, ${body.length} characters`) };
}

export const isAccepted = (request) => request.status === 200 || request.status === 201;

/** The device handles of a request: one, or those of a batch. */
export const handlesOf = ({ deviceHandle, batch }) => batch?.deviceHandles ?? (deviceHandle ? [deviceHandle] : []);
