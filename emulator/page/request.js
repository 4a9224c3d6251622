// The details of a request: what was checked, its headers, its body.

import { el, masked, time } from "./dom.js";
import { isAccepted } from "./push.js";

/** A longer body is truncated; that is more than a platform accepts. The record has the whole body. */
const MAX_BODY_LENGTH = 8192;
/** The record has the others. */
const MAX_RECIPIENTS = 20;

export function detailOf(request) {
  return el(
    "div",
    { class: "detail" },
    el("h4", {}, isAccepted(request) ? "Checked" : "Refused"),
    checks(request),
    ...recipientsOf(request),
    el("h4", {}, "Request"),
    el("pre", { tabindex: "0" }, head(request)),
    el("pre", { tabindex: "0" }, body(request)),
  );
}

/** What the emulator checked. Of an accepted request all is valid; a refused one shows the reason. */
function checks(request) {
  const { headers } = request;
  const checked = [
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
    ...checked.flatMap(([name, value]) => (value ? [el("dt", {}, name), el("dd", {}, value)] : [])),
  );
}

/** Who gets a send to tags, and what templates made for them. */
function recipientsOf({ recipients }) {
  if (!recipients) return [];
  const { count, devices, tagExpression } = recipients;
  const shown = devices.slice(0, MAX_RECIPIENTS).map(({ deviceHandle, format, installationId, template, notification }) =>
    [
      `${masked(deviceHandle)} ${format}`,
      installationId && `installation ${installationId}`,
      template && `template ${template}`,
      notification,
    ]
      .filter(Boolean)
      .join(", "),
  );
  if (count > shown.length) shown.push(`… ${count - shown.length} more`);
  const title = tagExpression ? `Sent to ${count} with ${tagExpression}` : `Sent to everybody: ${count}`;
  return [el("h4", {}, title), el("pre", { tabindex: "0" }, shown.join("\n") || "nobody")];
}

/** The parts of a SAS token, in readable form. */
function token(authorization) {
  const parts = new URLSearchParams((authorization ?? "").replace(/^SharedAccessSignature /, ""));
  const [rule, resource, expiry] = ["skn", "sr", "se"].map((name) => parts.get(name));
  if (!rule || !resource) return undefined;
  const until = Number(expiry) ? time(new Date(Number(expiry) * 1000), true) : expiry;
  return `${rule} for ${resource} until ${until}`;
}

/** Indents JSON; returns other text, and JSON that is nested too deep, unchanged. */
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
  const whole = text.length > MAX_BODY_LENGTH ? text : pretty(text);
  return whole.length > MAX_BODY_LENGTH ? `${whole.slice(0, MAX_BODY_LENGTH)}\n… truncated` : whole;
}
