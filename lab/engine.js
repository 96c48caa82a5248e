// The page's side of the worker: sends orders, passes answers on, and says when no answer comes.
//
// The worker's text is part of this script (WORKER_SOURCE, put there by tools/lab_script.py), because a page that
// was opened from disk may not load a second one.

/* global WORKER_SOURCE */

const TICK = 1000;
const PATIENCE = 15; // ticks without an answer; while a page sleeps, nothing ticks

export class Engine {
  /** `answer` is called with each answer to the newest order, `trouble` with a sentence. */
  constructor(answer, trouble) {
    Object.assign(this, { answer, trouble, order: 0, waiting: false, silence: 0, worker: null });
    this.timer = setInterval(() => this.tick(), TICK);
  }

  send(kind, settings, steps = 0) {
    this.order += 1;
    this.waiting = true;
    this.silence = 0;
    try {
      this.worker ??= this.start();
      this.worker.postMessage({ order: this.order, kind, settings, steps });
    } catch (error) {
      this.fail(`This browser does not let the lab compute: ${error.message}`);
    }
  }

  /** Let the worker drop what it does; nothing more is answered. */
  stop() {
    this.order += 1;
    this.waiting = false;
    this.worker?.postMessage({ order: this.order, kind: "stop" });
  }

  /** Let the worker end its training with the steps that it has made; it answers as at the end. */
  finish() {
    this.worker?.postMessage({ order: this.order, kind: "finish" });
  }

  start() {
    const address = URL.createObjectURL(new Blob([WORKER_SOURCE], { type: "text/javascript" }));
    const worker = new Worker(address);
    worker.onmessage = ({ data }) => {
      if (worker !== this.worker || data.order !== this.order) return;
      this.silence = 0;
      if (["measured", "trained"].includes(data.kind)) this.waiting = false;
      if (data.kind === "failed") this.fail(`The computation failed: ${data.message}.`);
      else this.answer(data);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      if (worker === this.worker) this.fail(`The computation stopped: ${event.message ?? "unknown"}.`);
    };
    return worker;
  }

  tick() {
    if (!this.waiting) return;
    this.silence += 1;
    if (this.silence > PATIENCE) this.fail("The computation does not answer any more.");
  }

  fail(sentence) {
    this.close();
    this.trouble(sentence);
  }

  /** End the worker; the next order starts another. */
  close() {
    this.worker?.terminate();
    this.worker = null;
    this.waiting = false;
  }

  /** Close for good. */
  end() {
    this.close();
    clearInterval(this.timer);
  }
}
