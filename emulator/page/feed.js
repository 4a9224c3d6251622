// The server-sent events of the emulator as callbacks. EventSource reconnects and resumes by itself.

/**
 * Calls `onStart()` when all earlier requests must be discarded, `onRequest({ number, at, isNew, request })`,
 * `onMissed(count)` and `onState("live" | "disconnected")`. `isNew` is false for requests from before the page was opened.
 */
export function follow({ onStart, onRequest, onMissed, onState }) {
  const source = new EventSource("/_emulator/events");
  let startedAt = 0;
  let newestBefore = 0;
  source.addEventListener("open", () => onState("live"));
  source.addEventListener("error", () => onState("disconnected"));
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
    onRequest({ number, at: new Date(startedAt + request.atMs), isNew: number > newestBefore, request });
  });
}
