// The emulator's server-sent events, as calls. EventSource itself reconnects and says where it stopped.

/**
 * `onStart()` when all before is void, `onRequest({ number, at, isNews, request })`, `onMissed(count)`,
 * `onState("live" | "away")`.
 */
export function follow({ onStart, onRequest, onMissed, onState }) {
  const source = new EventSource("/_emulator/events");
  let startedAt = 0;
  let newestBefore = 0;
  source.addEventListener("open", () => onState("live"));
  source.addEventListener("error", () => onState("away"));
  source.addEventListener("start", ({ data }) => {
    const { nowMs, newest } = JSON.parse(data);
    startedAt = Date.now() - nowMs;
    newestBefore = newest;
    onStart();
  });
  source.addEventListener("missed", ({ data }) => onMissed(Number(data)));
  source.addEventListener("message", ({ data, lastEventId }) => {
    const number = Number(lastEventId.split(".")[1]);
    const request = JSON.parse(data);
    onRequest({ number, at: new Date(startedAt + request.atMs), isNews: number > newestBefore, request });
  });
}
