// Reads values of payloads, which may have any type. Nothing here depends on the platform.

export const quiet = (line) => ({ kind: "quiet", line });

/** The names of the first few keys. */
export function keysOf(value) {
  const names = Object.keys(object(value));
  const more = names.length > 4 ? `, and ${names.length - 4} more` : "";
  return names.slice(0, 4).join(", ") + more;
}

export function object(value) {
  return value !== null && typeof value === "object" && !Array.isArray(value) ? value : {};
}

/** A string unchanged, a missing value as an empty string, anything else as JSON. */
export function text(value) {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** A text, or its localization key with the arguments. */
export function localizable(plain, key, args) {
  if (text(plain)) return text(plain);
  const list = (Array.isArray(args) ? args : []).map(text).join(", ");
  return list ? `${text(key)}(${list})` : text(key);
}

/** A convention of acs-push: data that removes a notification by its id, or all of a thread. */
export function removal({ op, id, threadId }) {
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
