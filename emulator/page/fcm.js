// FCM v1: a message to an effect.
// https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages

import { readApns } from "./apns.js";
import { keysOf, localizable, object, quiet, text, withdrawal } from "./values.js";

/** Whether only an iPhone can be meant. */
export const isForIphone = ({ apns, android }) => apns !== undefined && android === undefined;

export function readFcm(message) {
  const data = object(message.data);
  if (isForIphone(message)) return throughApns(message, data);
  const android = object(message.android);
  const shown = { ...object(message.notification), ...object(android.notification) };
  return alert(shown, android, data) ?? forTheApp(data);
}

/** What FCM hands on to APNs: the block for it, with the message's data beside `aps`. */
function throughApns({ apns, notification }, data) {
  const { aps, ...custom } = object(object(apns).payload);
  const headers = Object.entries(object(object(apns).headers)).map(([name, value]) => [name.toLowerCase(), text(value)]);
  const acs = { ...data, ...custom };
  return readApns(Object.fromEntries(headers), { ...acs, acs, aps: { alert: notification, ...object(aps) } });
}

function alert(shown, android, data) {
  const title = localizable(shown.title, shown.title_loc_key, shown.title_loc_args);
  const body = localizable(shown.body, shown.body_loc_key, shown.body_loc_args);
  if (!title && !body) return undefined;
  const quietly = ["PRIORITY_MIN", "PRIORITY_LOW"].includes(shown.notification_priority);
  return {
    kind: "show",
    key: text(shown.tag) || undefined,
    // FCM knows no groups: what belongs together is in the app's data, or collapses.
    group: text(data.threadId) || text(android.collapse_key),
    thread: text(data.threadId),
    title,
    subtitle: "",
    text: body,
    level: quietly ? "passive" : "active",
    notes: [
      `priority ${(text(android.priority) || "normal").toLowerCase()}`,
      shown.sound !== undefined && `sound ${text(shown.sound)}`,
      shown.channel_id !== undefined && `channel ${text(shown.channel_id)}`,
      shown.image !== undefined && "with an image",
      text(shown.visibility) === "PRIVATE" && "hidden while locked",
    ].filter(Boolean),
  };
}

/** A data message wakes the app, which does what it was written for; three conventions are known here. */
function forTheApp(data) {
  const { op, tag, id } = data;
  if (op === "edit" && text(tag ?? id)) {
    return { kind: "edit", key: text(tag ?? id), title: text(data.title), text: text(data.body) };
  }
  if (!op && text(data.callId)) {
    return { kind: "ring", caller: text(data.displayName) || text(data.callerId), call: text(data.callId) };
  }
  return withdrawal({ ...data, id: tag ?? id }) ?? quiet(`data: ${keysOf(data) || "nothing"}`);
}
