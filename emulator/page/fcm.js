// Reads a message of FCM v1: what the push does on the phone.
// https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages

import { readApns } from "./apns.js";
import { keysOf, localizable, object, quiet, text, removal } from "./values.js";

/** Whether the message is for an iPhone. */
export const isForIphone = ({ apns, android }) => apns !== undefined && android === undefined;

export function readFcm(message) {
  const data = object(message.data);
  if (isForIphone(message)) return throughApns(message, data);
  const android = object(message.android);
  const shown = { ...object(message.notification), ...object(android.notification) };
  return alert(shown, android, data) ?? dataMessage(data);
}

/** What FCM sends to APNs: the block `apns`, with the data of the message beside `aps`. */
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
  const isPassive = ["PRIORITY_MIN", "PRIORITY_LOW"].includes(shown.notification_priority);
  return {
    kind: "show",
    key: text(shown.tag) || undefined,
    // FCM has no groups: the data or the collapse key say which notifications belong together.
    group: text(data.threadId) || text(android.collapse_key),
    thread: text(data.threadId),
    title,
    subtitle: "",
    text: body,
    level: isPassive ? "passive" : "active",
    notes: [
      `priority ${(text(android.priority) || "normal").toLowerCase()}`,
      shown.sound !== undefined && `sound ${text(shown.sound)}`,
      shown.channel_id !== undefined && `channel ${text(shown.channel_id)}`,
      shown.image !== undefined && "with an image",
      text(shown.visibility) === "PRIVATE" && "hidden while locked",
    ].filter(Boolean),
  };
}

/** A data message wakes the app, which decides what to do. Three conventions of acs-push are known here. */
function dataMessage(data) {
  const { op, tag, id } = data;
  if (op === "edit" && text(tag ?? id)) {
    return { kind: "edit", key: text(tag ?? id), title: text(data.title), text: text(data.body) };
  }
  if (!op && text(data.callId)) {
    return { kind: "ring", caller: text(data.displayName) || text(data.callerId), call: text(data.callId) };
  }
  return removal({ ...data, id: tag ?? id }) ?? quiet(`data: ${keysOf(data) || "empty"}`);
}
