// The form that posts a sample: fills in the placeholders and shows the answer.

import { byId, el, setText } from "./dom.js";
import { object, parse, text } from "./values.js";

/** The last id of each `{{new NAME}}`, for `{{last NAME}}`. */
const remembered = new Map();

export function offerSamples(samples) {
  const [select, body, form] = ["sample", "sample-body", "sample-form"].map(byId);
  select.append(...samples.map(({ name }, index) => el("option", { value: String(index) }, name)));
  const choose = () => {
    const sample = samples[select.value];
    body.value = sample.body;
    setText(byId("sample-description"), sample.description);
    byId("sample-answer").replaceChildren();
  };
  select.addEventListener("change", choose);
  choose();
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const answer = byId("sample-answer");
    answer.replaceChildren("Posting…");
    const filled = fill(body.value);
    answer.replaceChildren(...(await post(filled)));
  });
  byId("samples").hidden = false;
}

/** Replaces `{{…}}` with times and ids. */
function fill(template) {
  const now = new Date();
  return template.replace(/\{\{(now|millis|new|last)(?: ([\w-]+))?\}\}/g, (whole, word, name) => {
    if (word === "now") return now.toISOString();
    if (word === "millis") return String(now.getTime());
    if (word === "last" && remembered.has(name)) return remembered.get(name);
    const id = crypto.randomUUID();
    if (name) remembered.set(name, id);
    return id;
  });
}

async function post(body) {
  try {
    const response = await fetch("/_emulator/samples", { method: "POST", body });
    if (!response.ok) return [el("span", { class: "bad" }, (await response.text()).trim())];
    const { status, body: answered } = await response.json();
    return [el("p", { class: status < 400 ? "" : "bad" }, `HTTP ${status}`), ...linesOf(answered, body)];
  } catch (error) {
    return [el("span", { class: "bad" }, `Can't reach the emulator: ${error.message}`)];
  }
}

/** The log lines in the answer of a Functions handler; any other answer unchanged. */
function linesOf(answered, posted) {
  const lines = object(parse(answered)).Logs;
  return (Array.isArray(lines) ? lines : [answered])
    .map((line) => text(line).trim())
    .filter(Boolean)
    .map((line) => el("p", {}, summaryOf(line, posted)));
}

/** The members of a JSON log line, without those that repeat what was posted. */
function summaryOf(line, posted) {
  const members = Object.entries(object(parse(line)));
  if (members.length === 0) return line.slice(0, 300);
  const isNew = (value) => (typeof value === "string" ? !posted.includes(value) : typeof value === "number");
  const shown = members.filter(([, value]) => isNew(value));
  return shown.map(([name, value]) => `${name} ${value}`.slice(0, 300)).join(" · ");
}
