// The numbers, off the page's thread: measures networks, one after the other, and trains one.
//
// Each order has a number. Work is done in short slices; a newer order ends an older one between two of them.

import { TRAINED_ON, digits } from "./images.js";
import { SCHEMES, byHand } from "./initializers.js";
import { reusingMemory } from "./memory.js";
import { INPUTS, CLASSES, backward, forward, makeNetwork, rms } from "./network.js";
import { Generator } from "./random.js";
import { BY_HAND } from "./settings.js";
import { criticalPoint, propagate } from "./theory.js";
import { batches, evaluate, take, trainStep } from "./training.js";

const IMAGES = 64; // that are measured, and that a step of training sees
const BINS = 40;
const SLICE = 40; // milliseconds of work before the next look for orders

const { images, labels } = digits();
const lines = new Map(); // critical lines, by activation
let current = 0; // number of the newest order
let finished = 0; // number of the order that is to end with what it has

const pause = () => new Promise((resolve) => setTimeout(resolve, 0));
const meanSquare = (values) => values.reduce((sum, value) => sum + value * value, 0) / values.length;

function setup(settings) {
  const scheme = settings.scheme === BY_HAND ? byHand(settings.sigma_w2) : SCHEMES[settings.scheme];
  const { activation, depth, width, normalization } = settings;
  const skip = settings.skip === "yes";
  return { activation, depth, width, normalization, skip, scheme, sigmaB2: settings.sigma_b2 };
}

const generatorOf = (settings, index) => new Generator(settings.seed * 1000 + index);

/** RMS of x and of dL/dh by layer, and histograms of x, of a network. */
const look = (network, histograms) => reusingMemory(() => measureLayers(network, histograms));

function measureLayers(network, histograms) {
  const shown = images.subarray(0, IMAGES * INPUTS);
  const passed = forward(network, shown, IMAGES);
  const { gradients } = backward(network, passed, labels, IMAGES, false);
  const hidden = passed.slice(0, -1);
  const gradient = gradients.slice(0, -1).map(({ dh }) => rms(dh));
  const last = gradient[gradient.length - 1];
  return {
    signal: hidden.map(({ x }) => rms(x)),
    gradient: gradient.map((value) => value / last),
    histograms: histograms ? hidden.map(({ x }) => histogram(x)) : null,
  };
}

function histogram(values) {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (!Number.isFinite(high - low)) return null;
  if (high === low) [low, high] = [low - 1, high + 1];
  const counts = new Array(BINS).fill(0);
  for (const value of values) {
    counts[Math.min(BINS - 1, Math.floor((BINS * (value - low)) / (high - low)))] += 1;
  }
  return { low, high, counts };
}

function predict(settings) {
  const { activation, depth, width, scheme, sigmaB2 } = setup(settings);
  const widths = [INPUTS, ...new Array(depth).fill(width), CLASSES];
  if (settings.normalization !== "none" || settings.skip === "yes") return null;
  const x2 = meanSquare(images.subarray(0, IMAGES * INPUTS));
  const { layers, lost } = propagate(activation, widths, scheme, sigmaB2, x2);
  return {
    signal: layers.map((layer) => Math.sqrt(layer.x2)),
    gradient: lost === null ? layers.map((layer) => layer.gradient) : [],
    lost,
  };
}

async function measure(order, settings) {
  postMessage({ order, kind: "theory", lines: predict(settings) });
  for (let index = 0; index < settings.networks; index++) {
    const network = makeNetwork(setup(settings), generatorOf(settings, index));
    postMessage({ order, kind: "network", index, ...look(network, index === 0) });
    await pause();
    if (order !== current) return;
    // After the first network, so that a reader sees that one first.
    if (index === 0) postMessage({ order, kind: "line", points: criticalLine(settings.activation) });
  }
  postMessage({ order, kind: "measured" });
}

async function train(order, settings, steps) {
  const network = makeNetwork(setup(settings), generatorOf(settings, 0));
  const rows = batches(TRAINED_ON, IMAGES, generatorOf(settings, 999));
  const untrained = labels.length - TRAINED_ON;
  const score = () =>
    reusingMemory(() =>
      evaluate(network, images.subarray(TRAINED_ON * INPUTS), labels.subarray(TRAINED_ON), untrained),
    );
  let losses = [];
  let since = performance.now();
  postMessage({ order, kind: "step", step: 0, losses, accuracy: score().accuracy });
  for (let step = 1; step <= steps; step++) {
    const batch = take(images, labels, rows.next().value);
    const loss = reusingMemory(() =>
      trainStep(network, batch.images, batch.labels, IMAGES, settings.rate),
    );
    losses.push(loss);
    const ended = step === steps || !Number.isFinite(loss) || finished === order;
    if (ended || step % 20 === 0 || performance.now() - since > SLICE) {
      const accuracy = ended || step % 20 === 0 ? score().accuracy : null;
      postMessage({ order, kind: "step", step, losses, accuracy });
      losses = [];
      await pause();
      since = performance.now();
      if (order !== current) return;
    }
    if (ended) break;
  }
  postMessage({ order, kind: "trained", ...look(network, true) });
}

/** The critical line as points (sigmaW2, sigmaB2), from small to large q. */
function criticalLine(activation) {
  if (lines.has(activation)) return lines.get(activation);
  const points = [];
  for (let exponent = -3; exponent <= 2.5; exponent += 0.125) {
    const point = criticalPoint(activation, 10 ** exponent);
    if (point) points.push(point);
  }
  lines.set(activation, points);
  return points;
}

onmessage = async ({ data }) => {
  const { order, kind, settings, steps } = data;
  if (kind === "finish") return (finished = order);
  current = order;
  try {
    if (kind === "measure") await measure(order, settings);
    if (kind === "train") await train(order, settings, steps);
  } catch (error) {
    postMessage({ order, kind: "failed", message: String(error.message ?? error) });
  }
};
