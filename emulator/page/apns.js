// Reads headers and payload of APNs: what the push does on the phone.
// https://developer.apple.com/documentation/usernotifications/generating-a-remote-notification

import { keysOf, localizable, object, quiet, text, removal } from "./values.js";

export function readApns(headers, json) {
  const { aps: rawAps, ...custom } = json;
  const aps = object(rawAps);
  const type = headers["apns-push-type"] ?? typeOf(aps);
  if (type === "voip") return ring(custom);
  if (type === "background") {
    return removal(object(custom.acs)) ?? quiet(`background${listed(keysOf(custom))}`);
  }
  if (type !== "alert") return quiet(`${type}${listed(keysOf(custom))}`);
  return alert(headers, aps, object(custom.acs)) ?? quiet(`alert without text${listed(keysOf(aps))}`);
}

/** Old senders leave the push type out; APNs then derived it from the payload. */
function typeOf(aps) {
  return aps["content-available"] === 1 && aps.alert === undefined ? "background" : "alert";
}

function alert(headers, aps, acs) {
  const texts = typeof aps.alert === "string" ? { body: aps.alert } : object(aps.alert);
  const title = localizable(texts.title, texts["title-loc-key"], texts["title-loc-args"]);
  const subtitle = localizable(texts.subtitle, texts["subtitle-loc-key"], texts["subtitle-loc-args"]);
  const body = localizable(texts.body, texts["loc-key"], texts["loc-args"]);
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
      aps["mutable-content"] === 1 && "mutable content",
    ].filter(Boolean),
  };
}

function sound(value) {
  if (!value) return "no sound";
  const { name, critical } = typeof value === "string" ? { name: value } : object(value);
  return `${critical ? "critical sound" : "sound"} ${text(name) || "default"}`;
}

/** The payload of a call is defined by the app; these are usual names of the caller. */
function ring(custom) {
  const data = { ...custom, ...object(custom.data) };
  const names = ["displayName", "callerDisplayName", "callerName", "caller", "from", "handle", "callerId"];
  const caller = names.map((name) => text(data[name])).find(Boolean) ?? "";
  return { kind: "ring", caller, call: text(data.callId ?? data.uuid ?? data.id) };
}

const listed = (names) => (names ? `: ${names}` : "");
