// Requests the overview regularly: every two seconds while the page is visible, and less
// often while requests fail.

const interval = 2000;
const maxWait = 30000;
const requestTimeout = 15000;

// A Refresh requests the overview again and again. The options:
//
//   url       url() is the URL to request
//   show      show(json) shows a response; if it throws, the request counts as failed
//   onState   onState({paused, error, since, retryAt}) is called after each request, and
//             when the page is paused: error is why the latest request failed, or null;
//             since is the time of the latest successful request, or of the first
//             request; retryAt is the time of the next request, or null; times are in
//             milliseconds since 1970
export class Refresh {
  constructor(options) {
    this.options = options;
    this.paused = false;
    this.failures = 0;
    this.error = null;
    this.since = Date.now();
    this.timer = null;
    this.request = null;
    document.addEventListener("visibilitychange", () => (document.hidden ? this.stop() : this.start()));
  }

  // pause stops the requests, or resumes them.
  pause(paused) {
    this.paused = paused;
    if (paused) {
      this.stop();
      this.report(null);
    } else {
      this.start();
    }
  }

  // stop cancels the current request and the next one.
  stop() {
    clearTimeout(this.timer);
    this.request?.abort();
    this.request = null;
  }

  // start requests the overview immediately, and regularly after that, unless the page is
  // paused or hidden.
  start() {
    if (this.paused || document.hidden) {
      this.stop();
    } else {
      this.refreshNow();
    }
  }

  // refreshNow requests the overview immediately, even while the page is paused. Unless
  // it is paused, regular requests follow.
  async refreshNow() {
    this.stop();
    const request = (this.request = new AbortController());
    const began = performance.now();
    const timedOut = new Error(`the request took longer than ${requestTimeout / 1000} s`);
    const timeout = setTimeout(() => request.abort(timedOut), requestTimeout);
    try {
      const response = await fetch(this.options.url(), { signal: request.signal, cache: "no-store" });
      if (!response.ok) {
        throw new Error(`the server answered with status ${response.status}`);
      }
      const json = await response.json();
      if (this.request !== request) {
        return;
      }
      await this.options.show(json);
      this.failures = 0;
      this.error = null;
      this.since = Date.now();
    } catch (error) {
      if (this.request !== request) {
        return; // canceled, and perhaps replaced by another request
      }
      this.failures++;
      this.error = error instanceof TypeError ? "the server cannot be reached" : error.message;
    } finally {
      clearTimeout(timeout);
    }
    if (this.request !== request) {
      return;
    }
    if (this.paused) {
      this.report(null);
      return;
    }
    // An overview that takes long to collect and to show is requested less often.
    const took = performance.now() - began;
    const wait = Math.min(maxWait, Math.max(interval * 2 ** Math.min(this.failures, 6) / (this.failures ? 2 : 1), 4 * took));
    this.timer = setTimeout(() => this.start(), wait);
    this.report(Date.now() + wait);
  }

  report(retryAt) {
    this.options.onState({ paused: this.paused, error: this.error, since: this.since, retryAt });
  }
}
