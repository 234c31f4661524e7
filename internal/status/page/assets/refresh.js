// When the page asks the server again: every two seconds while somebody looks at it,
// less often while there is no answer.

const interval = 2000;
const longest = 30000;
const patience = 15000;

// A Refresh asks for the overview, over and over. The options:
//
//   address   address() is what it asks for
//   show      show(json) shows an answer; what it throws counts as no answer
//   state     state({paused, failed, since, again}) tells how it stands: failed is why
//             there was no answer, since when there was the last one or the first
//             question, again when it asks again; times are in milliseconds since 1970
export class Refresh {
  constructor(options) {
    this.options = options;
    this.paused = false;
    this.failures = 0;
    this.failed = null;
    this.since = Date.now();
    this.timer = null;
    this.asking = null;
    document.addEventListener("visibilitychange", () => (document.hidden ? this.rest() : this.ask()));
  }

  // pause stops or goes on.
  pause(paused) {
    this.paused = paused;
    if (paused) {
      this.rest();
      this.tell(null);
    } else {
      this.ask();
    }
  }

  // rest stops asking until somebody calls ask.
  rest() {
    clearTimeout(this.timer);
    this.asking?.abort();
    this.asking = null;
  }

  // ask asks now, and from then on in turn, unless it is paused.
  ask() {
    if (this.paused || document.hidden) {
      this.rest();
    } else {
      this.askOnce();
    }
  }

  // askOnce asks now, even while it is paused, and goes on in turn if it is not.
  async askOnce() {
    this.rest();
    const asking = (this.asking = new AbortController());
    const began = performance.now();
    const tooLong = setTimeout(() => asking.abort(new Error(`it took longer than ${patience / 1000} s`)), patience);
    try {
      const response = await fetch(this.options.address(), { signal: asking.signal, cache: "no-store" });
      if (!response.ok) {
        throw new Error(`it answered ${response.status}`);
      }
      const json = await response.json();
      if (this.asking !== asking) {
        return;
      }
      await this.options.show(json);
      this.failures = 0;
      this.failed = null;
      this.since = Date.now();
    } catch (error) {
      if (this.asking !== asking) {
        return; // somebody else asks, or nobody shall
      }
      this.failures++;
      this.failed = error instanceof TypeError ? "it cannot be reached" : error.message;
    } finally {
      clearTimeout(tooLong);
    }
    if (this.asking !== asking) {
      return;
    }
    if (this.paused) {
      this.tell(null);
      return;
    }
    // A page that takes long to make and to show is asked for less often.
    const took = performance.now() - began;
    const wait = Math.min(longest, Math.max(interval * 2 ** Math.min(this.failures, 6) / (this.failures ? 2 : 1), 4 * took));
    this.timer = setTimeout(() => this.ask(), wait);
    this.tell(Date.now() + wait);
  }

  tell(again) {
    this.options.state({ paused: this.paused, failed: this.failed, since: this.since, again });
  }
}
