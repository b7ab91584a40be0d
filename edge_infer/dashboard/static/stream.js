// The connection: opens the events, notices silence, tries again.
//
// EventSource reconnects by itself, but does not notice a line that went dead
// (a phone that left the network) and does not say when it tries again.

const SILENCE_MS = 10000;
const RETRY_MS = [1000, 2000, 3000, 5000];

export class Stream {
  /** `handlers`: open(), farm(value), snapshot(value), lost(retryAtMs). */
  constructor(url, handlers) {
    this.url = url;
    this.handlers = handlers;
    this.failures = 0;
    addEventListener("online", () => this.retryNow());
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.retryNow();
    });
  }

  connect() {
    clearTimeout(this.retry);
    this.retry = null;
    this.source?.close();
    this.source = new EventSource(this.url);
    this.source.onopen = () => {
      this.failures = 0;
      this.handlers.open();
    };
    this.source.onerror = () => this.lose();
    for (const name of ["farm", "snapshot", "heartbeat"]) {
      this.source.addEventListener(name, (event) => this.receive(name, event));
    }
    this.watch();
  }

  receive(name, event) {
    this.watch();
    this.handlers[name]?.(JSON.parse(event.data));
  }

  watch() {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => this.lose(), SILENCE_MS);
  }

  lose() {
    clearTimeout(this.silence);
    clearTimeout(this.retry);
    this.source.close();
    const wait = RETRY_MS[Math.min(this.failures++, RETRY_MS.length - 1)];
    this.retry = setTimeout(() => this.connect(), wait);
    this.handlers.lost(performance.now() + wait);
  }

  retryNow() {
    if (this.retry) this.connect();
  }
}
