// The lab itself, an element <weight-lab>: asks for numbers when a setting changes, and shows them when they come.
//
// Attributes: `settings` (as in an address), `featured` (the control that is shown first), `first` (the picture that
// is shown first, if not the signal), `own-address` (the page is the lab's own: the settings are kept in its address)
// and `home` (that page's address).

import { html } from "./controls.js";
import { drawByLayer, drawHistogram, drawTraining } from "./drawing.js";
import { Engine } from "./engine.js";
import { arrange, makeParts } from "./layout.js";
import { BY_HAND, inSpaces, readAddress, shownVariance, writeAddress } from "./settings.js";
import { aloud, brief, describe, describeTraining } from "./words.js";

const STEPS = 200;
const SILENT = 700; // milliseconds without change after which a screen reader is told

class WeightLab extends HTMLElement {
  connectedCallback() {
    if (this.engine) return;
    this.own = this.hasAttribute("own-address");
    const asked = this.own && location.search.length > 1;
    const { settings, complaints } = readAddress(
      asked ? location.search.slice(1) : (this.getAttribute("settings") ?? ""),
    );
    this.settings = settings;
    this.networks = [];
    this.engine = new Engine((answer) => this.take(answer), (sentence) => this.complain([sentence], true));
    this.build();
    this.complain(complaints);
    this.addEventListener("weight-lab-settings", (event) => this.set(event.detail));
    this.showSettings();
    this.measure();
  }

  disconnectedCallback() {
    this.engine?.end();
    this.engine = null;
  }

  build() {
    const parts = makeParts({
      set: (changes) => this.set(changes),
      train: () => (this.run && !this.run.over ? this.stopTraining() : this.train()),
      other: () => this.set({ seed: (this.settings.seed + 1) % 10000 }),
      back: () => this.set(readAddress(this.getAttribute("settings") ?? "").settings),
    });
    Object.assign(this, parts);
    const featured = (this.getAttribute("featured") ?? "").split(" ").filter(Boolean);
    arrange(this, { own: this.own, featured, first: this.getAttribute("first") });
  }

  complain(sentences, again = false) {
    this.trouble.replaceChildren(...sentences.map((sentence) => html("p", {}, sentence)));
    if (again) {
      const retry = html("button", { type: "button", textContent: "Start the computation again" });
      retry.addEventListener("click", () => {
        this.complain([]);
        this.measure();
      });
      this.trouble.append(retry);
      this.inFlight = this.measuring = false;
      if (this.run) {
        this.endTraining("stopped");
        this.training.textContent = describeTraining(this.run, STEPS);
      }
    }
  }

  // ---- Settings ---------------------------------------------------------------------------------

  set(changes) {
    const before = this.settings;
    this.settings = { ...before, ...changes };
    this.complain([]);
    this.showSettings();
    const names = Object.keys(this.settings).filter((name) => this.settings[name] !== before[name]);
    if (names.every((name) => name === "layer")) return this.showHistogram();
    this.dropTraining();
    if (!names.every((name) => name === "rate" || name === "layer")) this.measure();
  }

  showSettings() {
    const { settings, controls } = this;
    for (const [name, control] of Object.entries(controls)) control.show(settings[name]);
    controls.layer.show(Math.min(settings.layer, settings.depth));
    controls.layer.input.max = settings.depth;
    const byScheme = settings.scheme === BY_HAND ? "" : `set by the scheme: ${inSpaces(settings.scheme)}`;
    controls.sigma_w2.show(shownVariance(settings), byScheme);
    const address = `?${writeAddress(settings)}`;
    this.copy.show(new URL(address, location.href).href);
    this.link.href = `${this.getAttribute("home")}${address}`;
    if (!this.own) return;
    // Browsers refuse to change the address more than some hundred times in half a minute.
    clearTimeout(this.later);
    this.later = setTimeout(() => history.replaceState(null, "", address), 300);
  }

  // ---- Measuring --------------------------------------------------------------------------------

  /** Ask for networks with the newest settings, once the first of those asked for before is there. */
  measure() {
    if (this.inFlight) {
      this.stale = true;
      return;
    }
    this.stale = false;
    this.inFlight = true;
    this.measuring = true;
    this.asked = this.settings;
    this.engine.send("measure", this.settings);
  }

  take(answer) {
    const { kind } = answer;
    if (kind === "theory") this.theory = answer.lines; // shown with the first network: until then, the old ones are
    if (kind === "line") this.criticalLine = answer.points;
    if (kind === "network") this.takeNetwork(answer);
    if (kind === "measured") {
      this.measuring = false;
      if (this.run && !this.run.over) this.engine.send("train", this.settings, STEPS);
    }
    if (kind === "step") this.takeStep(answer);
    if (kind === "trained" && this.run) {
      this.run.after = answer;
      if (!this.run.over) this.endTraining("ended");
    }
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.draw();
    });
  }

  takeNetwork(network) {
    if (network.index === 0) Object.assign(this, { networks: [], lines: this.theory, shown: this.asked });
    this.networks.push(network);
    this.inFlight = false;
    if (this.stale) this.measure();
  }

  draw() {
    if (!this.networks.length) return;
    const seen = {};
    for (const [name, label] of [["signal", "RMS of x"], ["gradient", "relative RMS of dL/dh"]]) {
      seen[name] = drawByLayer(this[name], label, {
        measured: this.networks.map((network) => network[name]),
        theory: this.lines?.[name] ?? [],
        trained: this.run?.after?.[name] ?? [],
      });
    }
    this.showPlane();
    this.showHistogram();
    if (this.run) drawTraining(this.lossChart, this.run, STEPS);
    this.classList.add("lab-drawn"); // and needs no room kept for it
    this.verdict.textContent = this.planeVerdict.textContent = brief(seen);
    this.say(describe(this.shown, seen, this.lines, this.networks.length));
  }

  showPlane() {
    const plain = this.lines !== null; // the critical line is theory, too
    const points = (plain && this.criticalLine) || [];
    const line = this.plane.show(points, shownVariance(this.settings), this.settings.sigma_b2);
    const none = plain ? "This function has no critical line here." : "There is no critical line: see the sentence above.";
    this.planeNote.textContent = line
      ? "With many layers gradients vanish left of the dashed critical line, and explode right of it. Drag the point."
      : `${none} Drag the point.`;
  }

  showHistogram() {
    const histograms = (this.run?.after ?? this.networks[0])?.histograms;
    if (!histograms) return;
    const layer = Math.min(this.settings.layer, histograms.length);
    const shown = histograms[layer - 1];
    const when = this.run?.after ? "after training" : "before training";
    const why = shown ? "" : ": infinite, so there is no picture";
    this.histogramNote.textContent = `x in layer ${layer} of one network, ${when}${why}`;
    drawHistogram(this.histogram, shown);
  }

  say(sentence) {
    this.sentence.textContent = sentence;
    if (this.run) this.training.textContent = describeTraining(this.run, STEPS);
    clearTimeout(this.silence);
    this.silence = setTimeout(() => {
      this.spoken.textContent = aloud(`${sentence} ${this.training.textContent}`);
    }, SILENT);
  }

  // ---- Training ---------------------------------------------------------------------------------

  train() {
    this.run = { losses: [], accuracies: [], after: null, over: false };
    this.trainButton.textContent = "Stop";
    this.trainingFigure.hidden = false;
    this.trainingFigure.classList.remove("lab-old");
    if (!this.measuring) this.engine.send("train", this.settings, STEPS); // otherwise after it
  }

  takeStep({ step, losses, accuracy }) {
    this.run.losses.push(...losses);
    if (accuracy !== null) this.run.accuracies.push([step, accuracy]);
  }

  stopTraining() {
    if (!this.measuring) this.engine.finish(); // otherwise it has not begun
    this.endTraining("stopped");
    this.draw();
  }

  endTraining(how) {
    Object.assign(this.run, { over: true, [how]: true });
    this.trainButton.textContent = "Train";
  }

  /** Settings have changed. The old picture stays, pale: without it, the point in the plane would jump under a finger. */
  dropTraining() {
    if (!this.run) return;
    if (!this.run.over && !this.measuring) this.engine.stop();
    this.run = null;
    this.trainButton.textContent = "Train";
    this.training.textContent = "Settings changed: train again.";
    this.trainingFigure.classList.add("lab-old");
  }
}

customElements.define("weight-lab", WeightLab);
