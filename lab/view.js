// The lab itself, an element <weight-lab>: controls, pictures, and the sentences that say what they show.
//
// Attributes: `settings` (as in an address), `featured` (the control that is shown first), `own-address` (the page
// is the lab's own: the settings are kept in its address) and `home` (that page's address).

import { band, bars, axes, counted, curve, linear, logarithmic, markers, picture, quartiles } from "./chart.js";
import { html, makeControl } from "./controls.js";
import { Engine } from "./engine.js";
import { Plane } from "./plane.js";
import { BY_HAND, SETTINGS, readAddress, writeAddress } from "./settings.js";
import { aloud, describe, describeTraining, power } from "./words.js";

const STEPS = 200;
const TOP_LOSS = 10; // of the picture; guessing has a loss of 2.3
const LOSS_CAPTION =
  `Line: the loss of each batch (cut off at ${TOP_LOSS}). Squares: the share of test images that are right, ` +
  "from none at the bottom to all at the top.";
const SILENT = 700; // milliseconds without change after which a screen reader is told

const indexed = (values) => values.map((value, i) => [i + 1, value]);

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

  // ---- What is on the page ----------------------------------------------------------------------

  build() {
    const featured = (this.getAttribute("featured") ?? "").split(" ").filter(Boolean);
    this.controls = {};
    for (const name of Object.keys(SETTINGS)) {
      this.controls[name] = makeControl(name, (value) => this.set({ [name]: value }));
    }
    const labels = (names) => names.map((name) => this.controls[name].label);
    const rest = Object.keys(SETTINGS).filter((name) => !featured.includes(name));
    const more = html("div", { className: "lab-controls" }, ...labels(rest));
    const shown = html("div", { className: "lab-controls lab-featured" }, ...labels(featured));
    const summary = html("summary", {}, featured.length ? "More settings" : "Settings");
    summary.append(html("span", { className: "lab-aside" }, ": activation, depth, scheme, normalization …"));
    const group = html("details", { className: "lab-more" }, summary, more); // closed: open, it would hide the pictures

    this.signal = picture("RMS of x by layer");
    this.gradient = picture("RMS of dL/dh by layer, relative to the last layer");
    this.histogram = picture("Histogram of x in one layer");
    this.lossChart = picture("Loss and accuracy by step of training");
    this.plane = new Plane((sigma_w2, sigma_b2) => this.set({ scheme: BY_HAND, sigma_w2, sigma_b2 }));
    this.planeNote = html("span");
    this.histogramNote = html("span");
    const figure = (svg, ...caption) => html("figure", {}, svg, html("figcaption", {}, ...caption));
    this.trainingFigure = figure(this.lossChart, LOSS_CAPTION);
    this.trainingFigure.hidden = true;
    const pictures = (...figures) => html("div", { className: "lab-pictures" }, ...figures);
    const byLayer = pictures(
      figure(this.signal, "The signal: RMS of x in each layer"),
      figure(this.gradient, "The gradient: RMS of dL/dh, over the last layer's"),
    );
    const others = pictures(
      figure(this.plane.svg, "The two variances. ", this.planeNote),
      figure(this.histogram, this.histogramNote),
      this.trainingFigure,
    );
    const legend = html("p", { className: "lab-legend" });
    const key = (sign, kind) => `<span class="lab-key ${kind}" aria-hidden="true">${sign}</span>`;
    legend.innerHTML =
      `${key("●", "lab-key-measured")} circles: measured on 64 digits, median and band between quartiles; ` +
      `${key("╌╌", "")} dashed: theory; ${key("■", "lab-key-trained")} squares: one network after training`;

    this.sentence = html("p", { className: "lab-sentence" });
    this.training = html("p", { className: "lab-sentence" });
    this.spoken = html("p", { className: "lab-spoken" });
    this.spoken.setAttribute("role", "status");
    this.trouble = html("div", { className: "lab-trouble" });
    this.trouble.setAttribute("role", "alert");
    const button = (text, act) => {
      const made = html("button", { type: "button", textContent: text });
      made.addEventListener("click", act);
      return made;
    };
    this.trainButton = button("Train", () => (this.run && !this.run.over ? this.stopTraining() : this.train()));
    const buttons = html(
      "div",
      { className: "lab-buttons" },
      this.trainButton,
      button("Draw other networks", () => this.set({ seed: (this.settings.seed + 1) % 10000 })),
      button("Back to the start", () => this.set(readAddress(this.getAttribute("settings") ?? "").settings)),
    );
    this.link = html("a", { textContent: this.own ? "Address of this experiment" : "Open this in the lab" });
    buttons.append(this.link);
    this.classList.add("lab-built");
    // The slider, what it moves, and then the sentence, whose length changes: no picture jumps under a finger.
    this.replaceChildren(shown, ...(this.own ? [group] : []), this.trouble, byLayer, this.sentence, this.spoken);
    this.append(others, legend, buttons, this.training, ...(this.own ? [] : [group]));
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
    if (names.every((name) => name === "layer")) this.showHistogram();
    else if (names.every((name) => name === "rate" || name === "layer")) return;
    else this.measure();
  }

  showSettings() {
    const { settings, controls } = this;
    for (const [name, control] of Object.entries(controls)) control.show(settings[name]);
    controls.layer.show(Math.min(settings.layer, settings.depth));
    controls.sigma_w2.input.disabled = settings.scheme !== BY_HAND;
    controls.layer.input.max = settings.depth;
    const address = writeAddress(settings);
    this.link.href = `${this.own ? location.pathname : this.getAttribute("home")}?${address}`;
    if (!this.own) return;
    // Browsers refuse to change the address more than some hundred times in half a minute.
    clearTimeout(this.later);
    this.later = setTimeout(() => history.replaceState(null, "", `?${address}`), 300);
  }

  // ---- Measuring --------------------------------------------------------------------------------

  /** Ask for networks with the newest settings, once the first of those asked for before is there. */
  measure() {
    if (this.run) this.forgetTraining();
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
    if (kind === "theory") Object.assign(this, { lines: answer.lines, sigmaW2: answer.sigmaW2 });
    if (kind === "line") this.criticalLine = answer.points;
    if (kind === "network") {
      if (answer.index === 0) this.networks = [];
      this.networks.push(answer);
      this.inFlight = false;
      if (this.stale) this.measure();
    }
    if (kind === "measured") {
      this.measuring = false;
      if (this.run) this.engine.send("train", this.settings, STEPS);
    }
    if (kind === "step") this.takeStep(answer);
    if (kind === "trained") {
      this.run.after = answer;
      this.endTraining("ended");
    }
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.draw();
    });
  }

  draw() {
    if (!this.networks.length) return;
    const seen = {};
    for (const [name, svg, label] of [
      ["signal", this.signal, "RMS of x"],
      ["gradient", this.gradient, "relative RMS of dL/dh"],
    ]) {
      const found = quartiles(this.networks.map((network) => network[name]));
      seen[name] = found.map(([, median]) => median);
      const theory = this.lines?.[name] ?? [];
      const trained = this.run?.after?.[name] ?? [];
      const y = logarithmic([...found.flat(), ...theory, ...trained]);
      const place = axes(svg, counted(1, found.length), y, "layer", label);
      svg.append(
        band(place, found, "lab-band"),
        markers(place, indexed(seen[name]), "lab-measured"),
        markers(place, indexed(trained), "lab-trained", "square"),
        curve(place, indexed(theory), "lab-theory"),
      );
    }
    const plain = this.lines !== null; // the critical line is theory, too
    const line = this.plane.show((plain && this.criticalLine) || [], this.sigmaW2Shown(), this.settings.sigma_b2);
    this.planeNote.textContent = line
      ? "Left of the dashed critical line gradients vanish, right of it they explode. Drag the point."
      : `${plain ? "This function has no critical line here." : "There is no critical line: see the sentence above."} Drag the point.`;
    this.showHistogram();
    if (this.run) this.drawTraining();
    this.say(describe(this.asked, seen, this.lines, this.networks.length));
  }

  sigmaW2Shown() {
    const { scheme, sigma_w2 } = this.settings;
    return scheme === BY_HAND ? sigma_w2 : Number(this.sigmaW2.toFixed(3));
  }

  showHistogram() {
    const histograms = (this.run?.after ?? this.networks[0])?.histograms;
    if (!histograms) return;
    const layer = Math.min(this.settings.layer, histograms.length);
    const shown = histograms[layer - 1];
    const when = this.run?.after ? "after training" : "before training";
    this.histogramNote.textContent = `x in layer ${layer} of one network, ${when}`;
    if (!shown) {
      this.histogram.replaceChildren();
      this.histogramNote.textContent += ": infinite, so there is no picture";
      return;
    }
    const size = Math.floor(Math.log10(Math.max(-shown.low, shown.high)));
    const scale = Math.abs(size) < 3 ? 1 : 10 ** size; // no tick of many zeros
    const label = scale === 1 ? "x" : `x, in units of ${power(size)}`;
    const [x, y] = [linear(shown.low / scale, shown.high / scale), linear(0, Math.max(...shown.counts))];
    const place = axes(this.histogram, x, y, label, "how many");
    const scaled = { low: x.low, high: x.high, counts: shown.counts };
    this.histogram.append(bars(place, scaled, "lab-bars"));
  }

  say(sentence) {
    this.sentence.textContent = sentence;
    this.training.textContent = this.run ? describeTraining(this.run, STEPS) : "";
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
    if (!this.measuring) this.engine.send("train", this.settings, STEPS); // otherwise after it
  }

  takeStep({ step, losses, accuracy }) {
    this.run.losses.push(...losses);
    if (accuracy !== null) this.run.accuracies.push([step, accuracy]);
  }

  stopTraining() {
    if (this.measuring) return this.forgetTraining(); // it has not begun
    this.engine.stop();
    this.endTraining("stopped");
    this.draw();
  }

  endTraining(how) {
    Object.assign(this.run, { over: true, [how]: true });
    this.trainButton.textContent = "Train";
  }

  forgetTraining() {
    this.run = null;
    this.trainButton.textContent = "Train";
    this.trainingFigure.hidden = true;
  }

  drawTraining() {
    const { losses, accuracies } = this.run;
    const top = Math.min(TOP_LOSS, Math.max(2.5, ...losses.filter(Number.isFinite)));
    const place = axes(this.lossChart, linear(0, STEPS), linear(0, top), "step", "loss");
    const share = { x: place.x, y: (value) => place.y(value * top) };
    this.lossChart.append(
      curve(place, indexed(losses.map((loss) => Math.min(loss, top))), "lab-loss"),
      markers(share, accuracies, "lab-trained", "square"),
    );
  }
}

customElements.define("weight-lab", WeightLab);
