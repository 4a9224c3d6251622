// What a request means to the phone that gets it, whoever sent it. Pure: no DOM, no state.
//
// Effects, by `kind`:
//   show    { key?, group?, thread?, title, subtitle, text, level, notes }   a notification; `key` replaces
//   edit    { key, title, text }       changes a notification that is still there
//   remove  { key } or { thread }      withdraws
//   ring    { caller, call }           a call
//   quiet   { line }                   nothing to see on the screen

import { readApns } from "./apns.js";
import { isForIphone, readFcm } from "./fcm.js";
import { object, parse, quiet } from "./values.js";

/** The effect of an accepted request on its device, and what kind of phone that is. */
export function read(request) {
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

/** Whom it is for: one device, or those of a batch. */
export const handlesOf = ({ deviceHandle, batch }) => batch?.deviceHandles ?? (deviceHandle ? [deviceHandle] : []);
