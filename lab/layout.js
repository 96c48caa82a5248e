// What is on the page: makes the lab's parts, and puts them in order.

import { picture } from "./chart.js";
import { html, makeButton, makeControl, makeCopy } from "./controls.js";
import { Plane } from "./plane.js";
import { BY_HAND, SETTINGS } from "./settings.js";

const LOSS_CAPTION =
  "Line: the loss of each batch; ▲ marks those above the picture, or not a number. " +
  "Squares: the share of test images that are right, on the right axis.";

const figure = (svg, ...caption) => html("figure", {}, svg, html("figcaption", {}, ...caption));
const pictures = (...shown) => html("div", { className: "lab-pictures" }, ...shown);
const paragraph = (className) => html("p", { className });

function withRole(part, role) {
  part.setAttribute("role", role);
  return part;
}

/** The lab's parts by name; `acts` says what its controls do. */
export function makeParts(acts) {
  const controls = {};
  for (const name of Object.keys(SETTINGS)) {
    controls[name] = makeControl(name, (value) => acts.set({ [name]: value }));
  }
  return {
    controls,
    verdict: paragraph("lab-verdict"),
    signal: picture("RMS of x by layer"),
    gradient: picture("RMS of dL/dh by layer, relative to the last layer"),
    histogram: picture("Histogram of x in one layer"),
    histogramNote: html("span"),
    lossChart: picture("Loss and accuracy by step of training"),
    plane: new Plane((sigma_w2, sigma_b2) => acts.set({ scheme: BY_HAND, sigma_w2, sigma_b2 })),
    planeVerdict: html("strong", { ariaHidden: "true" }), // the same words, in sight of who drags the point
    planeNote: html("span"),
    sentence: paragraph("lab-sentence lab-said"),
    training: paragraph("lab-sentence"),
    spoken: withRole(paragraph("lab-spoken"), "status"),
    trouble: withRole(html("div", { className: "lab-trouble" }), "alert"),
    trainButton: makeButton("Train", acts.train),
    otherButton: makeButton("Draw other networks", acts.other),
    backButton: makeButton("Reset", acts.back),
    copy: makeCopy(),
    link: html("a", { textContent: "Open this in the lab" }),
  };
}

function legend() {
  const key = (sign, kind) => html("span", { className: `lab-key ${kind}`, ariaHidden: "true" }, sign);
  return html(
    "p",
    { className: "lab-legend" },
    key("●", "lab-key-measured"),
    " circles: measured on 64 digits, median and band between quartiles; ",
    key("╌╌", ""),
    " dashed: theory; ",
    key("■", "lab-key-trained"),
    " squares: one network after training",
  );
}

/** Put the parts into the lab: the `featured` controls first, and the histogram before the signal if it is `first`. */
export function arrange(lab, { own, featured, first }) {
  const labels = (names) => names.map((name) => lab.controls[name].label);
  const rest = Object.keys(SETTINGS).filter((name) => !featured.includes(name));
  const shown = html("div", { className: "lab-controls lab-featured" }, ...labels(featured), lab.verdict);
  const summary = html("summary", {}, featured.length ? "More settings" : "Settings");
  summary.append(html("span", { className: "lab-aside" }, ": activation, depth, scheme, normalization …"));
  const more = html("div", { className: "lab-controls" }, ...labels(rest));
  const group = html("details", { className: "lab-more" }, summary, more); // closed: open, it would hide the pictures

  const signal = figure(lab.signal, "The signal: RMS of x in each layer");
  const gradient = figure(lab.gradient, "The gradient: RMS of dL/dh, relative to the last layer");
  const histogram = figure(lab.histogram, lab.histogramNote);
  const plane = figure(lab.plane.svg, lab.planeVerdict, "The two variances. ", lab.planeNote);
  const above = first === "histogram" ? [histogram, gradient] : [signal, gradient];
  const below = first === "histogram" ? [plane, signal] : [plane, histogram];

  lab.trainingFigure = figure(lab.lossChart, LOSS_CAPTION);
  lab.trainingFigure.hidden = true;
  const trained = pictures(lab.trainingFigure, lab.training);
  const address = own ? [lab.copy.button, lab.copy.field] : [lab.link];
  const buttons = html("div", { className: "lab-buttons" }, lab.trainButton, lab.otherButton, lab.backButton, ...address);
  // The slider, what it moves, and then the sentence, whose length changes: no picture jumps under a finger. And
  // what training shows comes after its button, so that "Stop" stays in view.
  lab.replaceChildren(shown, ...(own ? [group] : []), lab.trouble, pictures(...above), legend(), lab.sentence);
  lab.append(lab.spoken, buttons, trained, pictures(...below), ...(own ? [] : [group]));
}
