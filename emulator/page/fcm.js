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
  return alert(shown, android, data) ?? dataMessage(data, android);
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

/** A data message wakes the app, which decides what to do. Conventions of acs-push are known here. */
function dataMessage(data, android) {
  const { op, tag, id } = data;
  if (op === "show") return shownByApp(data, android) ?? quiet("data: show, without a text");
  if (op === "edit" && text(tag ?? id)) {
    return { kind: "edit", key: text(tag ?? id), title: text(data.title), text: text(data.body) };
  }
  if (!op && text(data.callId)) {
    return { kind: "ring", caller: text(data.displayName) || text(data.callerId), call: text(data.callId) };
  }
  return removal({ ...data, id: tag ?? id }) ?? quiet(`data: ${keysOf(data) || "empty"}`);
}

/** What an app shows that draws such messages itself, as docs/notifications.md of acs-push has it do. */
function shownByApp(data, android) {
  const args = (name) =>
    Object.keys(data)
      .filter((key) => new RegExp(`^${name}LocArg\\d+$`).test(key))
      .sort((one, other) => Number(one.slice(name.length + 6)) - Number(other.slice(name.length + 6)))
      .map((key) => data[key]);
  const line = (name) => localizable(data[name], data[`${name}LocKey`], args(name));
  const [title, body] = [line("title"), line("body")];
  if (!title && !body) return undefined;
  const isQuiet = text(data.quiet) === "true";
  return {
    kind: "show",
    key: text(data.tag ?? data.id) || undefined,
    group: text(data.group) || text(data.threadId),
    thread: text(data.threadId),
    title,
    subtitle: "",
    text: body,
    level: isQuiet ? "passive" : "active",
    notes: [
      "shown by the app",
      `priority ${(text(android.priority) || "normal").toLowerCase()}`,
      isQuiet && "quiet",
      text(data.channel) && `channel ${text(data.channel)}`,
      text(data.mutable) === "true" && "mutable content",
    ].filter(Boolean),
  };
}
