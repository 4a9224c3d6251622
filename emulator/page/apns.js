// APNs: headers and payload to an effect.
// https://developer.apple.com/documentation/usernotifications/generating-a-remote-notification

import { keysOf, localizable, object, quiet, text, withdrawal } from "./values.js";

export function readApns(headers, json) {
  const { aps: rawAps, ...custom } = json;
  const aps = object(rawAps);
  const type = headers["apns-push-type"] ?? guess(aps);
  if (type === "voip") return ring(custom);
  if (type === "background") {
    return withdrawal(object(custom.acs)) ?? quiet(`background${listed(keysOf(custom))}`);
  }
  if (type !== "alert") return quiet(`${type}${listed(keysOf(custom))}`);
  return alert(headers, aps, object(custom.acs)) ?? quiet(`alert without a text${listed(keysOf(aps))}`);
}

/** Old senders leave the type out; APNs once took it from the payload. */
function guess(aps) {
  return aps["content-available"] === 1 && aps.alert === undefined ? "background" : "alert";
}

function alert(headers, aps, acs) {
  const words = typeof aps.alert === "string" ? { body: aps.alert } : object(aps.alert);
  const title = localizable(words.title, words["title-loc-key"], words["title-loc-args"]);
  const subtitle = localizable(words.subtitle, words["subtitle-loc-key"], words["subtitle-loc-args"]);
  const body = localizable(words.body, words["loc-key"], words["loc-args"]);
  if (!title && !subtitle && !body) return undefined;
  const level = text(aps["interruption-level"]) || "active";
  return {
    kind: "show",
    key: headers["apns-collapse-id"],
    group: text(aps["thread-id"]),
    thread: text(acs.threadId) || text(aps["thread-id"]),
    title,
    subtitle,
    text: body,
    level,
    notes: [
      level !== "active" && level,
      sound(aps.sound),
      aps.badge !== undefined && `badge ${text(aps.badge)}`,
      text(aps.category) && `category ${text(aps.category)}`,
      aps["mutable-content"] === 1 && "the app may change it",
    ].filter(Boolean),
  };
}

function sound(value) {
  if (!value) return "no sound";
  const { name, critical } = typeof value === "string" ? { name: value } : object(value);
  return `${critical ? "critical sound" : "sound"} ${text(name) || "default"}`;
}

/** The payload of a call is the app's own; these are names in which a caller comes. */
function ring(custom) {
  const data = { ...custom, ...object(custom.data) };
  const names = ["displayName", "callerDisplayName", "callerName", "caller", "from", "handle", "callerId"];
  const caller = names.map((name) => text(data[name])).find(Boolean) ?? "";
  return { kind: "ring", caller, call: text(data.callId ?? data.uuid ?? data.id) };
}

const listed = (names) => (names ? `: ${names}` : "");
