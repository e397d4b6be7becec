// @ts-check
// Live parts. One stream per browser: the tab that holds the lock listens and tells the others; a
// hidden tab lets go of it. Pages are whole without this.

const CHANNEL = "tutela-events";
const channel = new BroadcastChannel(CHANNEL);

/** @typedef {{ kind: string, source?: string, text?: string }} Told */

/** @param {Told} told */
const take = (told) => {
  for (const place of document.querySelectorAll("[data-live]")) {
    if (!(place instanceof HTMLElement)) continue;
    if (told.kind === "progress" && place.dataset.live === `progress-${told.source}`) {
      place.textContent = told.text ?? "";
      place.hidden = false;
    }
  }
  if (told.kind === "finished") {
    // Elements that name this trigger fetch themselves anew.
    document.body.dispatchEvent(new CustomEvent("sync-finished"));
  }
};

channel.addEventListener("message", (event) => take(event.data));

/** @type {AbortController | null} */
let wanted = null;

const listen = () => {
  if (wanted || document.hidden || !navigator.locks) return;
  const mine = new AbortController();
  wanted = mine;
  navigator.locks
    .request(CHANNEL, { signal: mine.signal }, () => new Promise((release) => {
      const stream = new EventSource("/api/v1/events");
      for (const kind of ["progress", "finished"]) {
        stream.addEventListener(kind, (event) => {
          const told = { kind, ...JSON.parse(event.data) };
          take(told);
          channel.postMessage(told);
        });
      }
      mine.signal.addEventListener("abort", () => {
        stream.close();
        release(undefined);
      });
    }))
    .catch(() => {});
};

const hush = () => {
  wanted?.abort();
  wanted = null;
};

document.addEventListener("visibilitychange", () => (document.hidden ? hush() : listen()));
addEventListener("pagehide", hush);
addEventListener("pageshow", listen);
listen();
