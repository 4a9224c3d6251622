// Starts the page. An event changes the state at once, and the DOM once per frame.

import { byId, el, reconcile, setText } from "./dom.js";
import { follow } from "./feed.js";
import { LockScreen } from "./lockscreen.js";
import { Phones } from "./phones.js";
import { isAccepted } from "./push.js";
import { Requests } from "./requests.js";
import { offerSamples } from "./samples.js";

/** With more requests in one frame nothing is animated. */
const MAX_ANIMATED = 6;

const setup = await (await fetch("/_emulator/setup")).json();
const phones = new Phones(setup.phones);
const requests = new Requests({ nameOf: (handle) => phones.nameOf(handle) });
const screens = new Map();
const counts = { received: 0, refused: 0, missed: 0 };
let inThisFrame = 0;
let frame = 0;
/** The notifications to announce to screen readers. */
const unannounced = { count: 0, last: "" };

for (const { name, connectionString } of setup.hubs) {
  byId("hubs").append(el("dt", {}, name), el("dd", {}, el("code", {}, connectionString ?? "no rule is valid on this hub")));
}
if (setup.postTo && setup.samples.length > 0) offerSamples(setup.samples);

follow({
  onStart() {
    phones.clear();
    requests.clear();
    Object.assign(counts, { received: 0, refused: 0, missed: 0 });
    unannounced.count = 0;
    schedule();
  },
  onRequest(entry) {
    counts.received += 1;
    if (!isAccepted(entry.request)) counts.refused += 1;
    const text = phones.receive(entry);
    if (text && entry.isNew) {
      unannounced.count += 1;
      unannounced.last = text;
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
    setText(connection, state === "live" ? "Live" : "Disconnected, reconnecting");
  },
});

byId("clear").addEventListener("click", () => fetch("/_emulator/requests", { method: "DELETE" }));
document.addEventListener("phone-changed", schedule);
setInterval(schedule, 10_000);
setInterval(announce, 1_500);

function schedule() {
  frame ||= requestAnimationFrame(draw);
}

function draw() {
  frame = 0;
  const animate = inThisFrame <= MAX_ANIMATED;
  inThisFrame = 0;
  const now = new Date();
  reconcile(byId("phones"), screens, phones.all, {
    key: (phone) => phone,
    make: (phone) => new LockScreen(phone, { onOpenRequest: (number) => requests.reveal(number) }),
    update: (screen) => screen.draw(now, animate),
    leave: (screen) => screen.leave(),
  });
  requests.draw();
  byId("empty").hidden = phones.all.length > 0;
  byId("others").hidden = phones.dropped === 0;
  setText(byId("others"), `${phones.dropped} more devices are not shown: the page shows the last ones.`);
  drawCounts();
}

function drawCounts() {
  const { received, refused, missed } = counts;
  const parts = [`${received} received`, refused && `${refused} refused`, missed && `${missed} earlier`];
  setText(byId("counts"), parts.filter(Boolean).join(", "));
  byId("counts").title = missed ? "The page gets only the last 500 requests" : "";
}

/** Of several notifications only the last one is read out. */
function announce() {
  if (unannounced.count === 0) return;
  const many = unannounced.count > 1 ? `${unannounced.count} notifications, the last one: ` : "";
  setText(byId("announcer"), many + unannounced.last);
  unannounced.count = 0;
}
