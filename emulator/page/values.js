// Values of payloads that may be anything. Pure, and of no platform.

export const quiet = (line) => ({ kind: "quiet", line });

/** Says the names of custom keys, a few of them. */
export function keysOf(value) {
  const names = Object.keys(object(value));
  const more = names.length > 4 ? `, and ${names.length - 4} more` : "";
  return names.slice(0, 4).join(", ") + more;
}

export function object(value) {
  return value !== null && typeof value === "object" && !Array.isArray(value) ? value : {};
}

/** A text as it stands; what is no text is shown as JSON, and nothing as nothing. */
export function text(value) {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** A text, or the key that the app looks it up by, with its arguments. */
export function localizable(plain, key, args) {
  if (text(plain)) return text(plain);
  const words = (Array.isArray(args) ? args : []).map(text).join(", ");
  return words ? `${text(key)}(${words})` : text(key);
}

/** One convention of data for the app itself: withdraw a notification by its id, or all of a thread. */
export function withdrawal({ op, id, threadId }) {
  if (op === "remove" && text(id)) return { kind: "remove", key: text(id) };
  if (op === "removeThread" && text(threadId)) return { kind: "remove", thread: text(threadId) };
  return undefined;
}

export function parse(body) {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
