// One request in full: what was looked at, its headers, its body.

import { el, time } from "./dom.js";
import { isAccepted } from "./push.js";

/** More than a platform takes, and more is not set out in lines; the record has the rest. */
const MOST_OF_A_BODY = 8192;

export function detailOf(request) {
  return el(
    "div",
    { class: "detail" },
    el("h4", {}, isAccepted(request) ? "Checked" : "Refused"),
    verdict(request),
    el("h4", {}, "Request"),
    el("pre", { tabindex: "0" }, head(request)),
    el("pre", { tabindex: "0" }, body(request)),
  );
}

/** What the emulator went by. Accepted means that all of it was found good; refused, that the reason was found. */
function verdict(request) {
  const { headers } = request;
  const looked = [
    ["hub", request.hub],
    ["token", token(headers.authorization)],
    ["format", [request.format, headers["content-type"]].filter(Boolean).join(", ")],
    ["device handle", request.deviceHandle],
    ["size", `${new TextEncoder().encode(request.body).length} bytes`],
    ...["push-type", "priority", "expiration", "collapse-id"].map((name) => [`apns-${name}`, headers[`apns-${name}`]]),
    ["notification id", request.notificationId],
  ];
  return el(
    "dl",
    { class: isAccepted(request) ? "checks good" : "checks" },
    ...(request.reason ? [el("dt", { class: "bad" }, "reason"), el("dd", { class: "bad" }, request.reason)] : []),
    ...request.warnings.flatMap((warning) => [el("dt", {}, "warning"), el("dd", {}, warning)]),
    ...looked.flatMap(([name, value]) => (value ? [el("dt", {}, name), el("dd", {}, value)] : [])),
  );
}

/** The parts of a SAS token that were compared, readable. */
function token(authorization) {
  const parts = new URLSearchParams((authorization ?? "").replace(/^SharedAccessSignature /, ""));
  const [rule, resource, expiry] = ["skn", "sr", "se"].map((name) => parts.get(name));
  if (!rule || !resource) return undefined;
  const until = Number(expiry) ? time(new Date(Number(expiry) * 1000), true) : expiry;
  return `${rule} for ${resource} until ${until}`;
}

/** JSON in lines; what is none, or nested too deep to be written, as it is. */
function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function head({ method, path, query, headers }) {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return [`${method} ${path}${query && `?${query}`}`, ...lines].join("\n");
}

function body({ body: text }) {
  const whole = text.length > MOST_OF_A_BODY ? text : pretty(text);
  return whole.length > MOST_OF_A_BODY ? `${whole.slice(0, MOST_OF_A_BODY)}\n… cut` : whole;
}
