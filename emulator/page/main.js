// Puts the page together: what comes in changes the state at once, and the DOM once per frame.

import { byId, el, reconcile, setText } from "./dom.js";
import { follow } from "./feed.js";
import { LockScreen } from "./lockscreen.js";
import { Phones } from "./phones.js";
import { isAccepted } from "./push.js";
import { Requests } from "./requests.js";
import { offerSamples } from "./samples.js";

/** More than so many in one frame is a flood, and nothing to animate. */
const CALM = 6;

const setup = await (await fetch("/_emulator/setup")).json();
const phones = new Phones(setup.phones);
const requests = new Requests({ nameOf: (handle) => phones.nameOf(handle) });
const screens = new Map();
const counts = { received: 0, refused: 0, missed: 0 };
let inThisFrame = 0;
let frame = 0;
/** What nobody was told of yet, for those who can't see it. */
const unsaid = { count: 0, last: "" };

for (const { name, connectionString } of setup.hubs) {
  byId("hubs").append(el("dt", {}, name), el("dd", {}, el("code", {}, connectionString ?? "no rule opens it")));
}
if (setup.postTo && setup.samples.length > 0) offerSamples(setup.samples);

follow({
  onStart() {
    phones.forget();
    requests.forget();
    Object.assign(counts, { received: 0, refused: 0, missed: 0 });
    unsaid.count = 0;
    schedule();
  },
  onRequest(entry) {
    counts.received += 1;
    if (!isAccepted(entry.request)) counts.refused += 1;
    const said = phones.receive(entry);
    if (said && entry.isNews) {
      unsaid.count += 1;
      unsaid.last = said;
    }
    requests.receive(entry);
    inThisFrame += 1;
    schedule();
  },
  onMissed(count) {
    counts.missed += count;
    schedule();
  },
  onState(state) {
    const connection = byId("connection");
    connection.dataset.state = state;
    setText(connection, state === "live" ? "Live" : "Away, trying again");
  },
});

byId("forget").addEventListener("click", () => fetch("/_emulator/requests", { method: "DELETE" }));
document.addEventListener("phone-changed", schedule);
setInterval(schedule, 10_000);
setInterval(announce, 1_500);

function schedule() {
  frame ||= requestAnimationFrame(draw);
}

function draw() {
  frame = 0;
  const softly = inThisFrame <= CALM;
  inThisFrame = 0;
  const now = new Date();
  reconcile(byId("phones"), screens, phones.all, {
    key: (phone) => phone,
    make: (phone) => new LockScreen(phone, { onOpenRequest: (number) => requests.reveal(number) }),
    update: (screen) => screen.draw(now, softly),
    leave: (screen) => screen.leave(),
  });
  requests.draw();
  byId("empty").hidden = phones.all.length > 0;
  byId("others").hidden = phones.dropped === 0;
  setText(byId("others"), `${phones.dropped} more devices are not shown: only the last ones are.`);
  drawCounts();
}

function drawCounts() {
  const { received, refused, missed } = counts;
  const parts = [`${received} received`, refused && `${refused} refused`, missed && `${missed} before that`];
  setText(byId("counts"), parts.filter(Boolean).join(", "));
  byId("counts").title = missed ? "The page is told of the last 500 only" : "";
}

/** Of many at once only the last one is read out. */
function announce() {
  if (unsaid.count === 0) return;
  const many = unsaid.count > 1 ? `${unsaid.count} notifications, the last one: ` : "";
  setText(byId("announcer"), many + unsaid.last);
  unsaid.count = 0;
}
