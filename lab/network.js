// A fully connected network: its weights, one pass forward and one backward. (In the package:
// weightinit.networks.mlp, with PyTorch's gradients.)
//
// Layer l computes a = W x + b, h = a or its normalization, and x = phi(h); with skip connections, from the
// second hidden layer on, x = x of the layer before + phi(h). The output layer ends with its a, the scores.

import { ACTIVATIONS } from "./activations.js";
import { drawBias, drawWeight } from "./initializers.js";
import { zeros } from "./memory.js";
import { makeNorm, normalize, normalizeBackward } from "./normalization.js";
import { product, transpose } from "./products.js";

export const INPUTS = 64; // pixels of an image
export const CLASSES = 10;

/** A new network. `setting` has activation, depth, width, normalization, skip, scheme and sigmaB2. */
export function makeNetwork(setting, generator) {
  const { depth, width, scheme, sigmaB2, normalization } = setting;
  const layers = [];
  for (let l = 1; l <= depth + 1; l++) {
    const fanIn = l === 1 ? INPUTS : width;
    const fanOut = l > depth ? CLASSES : width;
    layers.push({
      fanIn,
      fanOut,
      weight: drawWeight(scheme, fanIn, fanOut, generator),
      bias: drawBias(sigmaB2, fanOut, generator),
      norm: l > depth ? null : makeNorm(normalization, width),
    });
  }
  return { activation: setting.activation, skip: setting.skip, layers };
}

/** Everything that a pass forward computes, layer by layer, for n images. */
export function forward(network, images, n, running = false) {
  const phi = ACTIVATIONS[network.activation].f;
  const passed = [];
  let x = images;
  network.layers.forEach((layer, index) => {
    const { fanIn, fanOut, norm } = layer;
    const a = product(x, transpose(layer.weight, fanOut, fanIn), n, fanIn, fanOut);
    for (let i = 0; i < a.length; i += fanOut) {
      for (let j = 0; j < fanOut; j++) a[i + j] += layer.bias[j];
    }
    const step = { input: x, a, h: a };
    if (norm) Object.assign(step, normalize(norm, a, n, fanOut, running));
    if (index < network.layers.length - 1) {
      step.x = zeros(a.length);
      const skipped = network.skip && index > 0;
      for (let i = 0; i < a.length; i++) step.x[i] = phi(step.h[i]);
      if (skipped) for (let i = 0; i < a.length; i++) step.x[i] += x[i];
      x = step.x;
    }
    passed.push(step);
  });
  return passed;
}

/** Cross-entropy of the scores, and its gradient; both averaged over the n images. */
export function crossEntropy(scores, labels, n) {
  const gradient = zeros(scores.length);
  let loss = 0;
  for (let i = 0; i < n; i++) {
    const row = scores.subarray(i * CLASSES, (i + 1) * CLASSES);
    const most = Math.max(...row); // taken off first, so that no exponential overflows
    let sum = 0;
    for (const score of row) sum += Math.exp(score - most);
    loss += (most + Math.log(sum) - row[labels[i]]) / n;
    for (let k = 0; k < CLASSES; k++) {
      const share = Math.exp(row[k] - most) / sum;
      gradient[i * CLASSES + k] = (share - (k === labels[i] ? 1 : 0)) / n;
    }
  }
  return { loss, gradient };
}

/** The loss, dL/dh of every layer and, if `weights` are asked for, the gradients of all parameters. */
export function backward(network, passed, labels, n, weights = true) {
  const slope = ACTIVATIONS[network.activation].df;
  const { layers } = network;
  const { loss, gradient } = crossEntropy(passed[passed.length - 1].a, labels, n);
  const gradients = new Array(layers.length);
  let dx = null; // dL/dx of the layer at hand
  for (let index = layers.length - 1; index >= 0; index--) {
    const { fanIn, fanOut, weight, norm } = layers[index];
    const step = passed[index];
    let dh = gradient;
    if (dx) {
      dh = zeros(dx.length);
      for (let i = 0; i < dh.length; i++) dh[i] = dx[i] * slope(step.h[i]);
    }
    const own = { dh };
    let da = dh;
    if (norm) {
      own.norm = normalizeBackward(norm, dh, step, n, fanOut);
      da = own.norm.da;
    }
    if (weights) {
      own.weight = product(transpose(da, n, fanOut), step.input, fanOut, n, fanIn);
      own.bias = zeros(fanOut);
      for (let i = 0; i < da.length; i += fanOut) {
        for (let j = 0; j < fanOut; j++) own.bias[j] += da[i + j];
      }
    }
    gradients[index] = own;
    if (index > 0) {
      const back = product(da, weight, n, fanOut, fanIn);
      // What skips a layer on the way forward skips it on the way back.
      if (dx && network.skip) for (let i = 0; i < back.length; i++) back[i] += dx[i];
      dx = back;
    }
  }
  return { loss, gradients };
}

/** Root mean square; scaled first, because the square of 1e-170 is not a number but 0. */
export function rms(values) {
  let most = 0;
  for (const value of values) {
    if (!Number.isFinite(value)) return value !== value ? NaN : Infinity;
    most = Math.max(most, Math.abs(value));
  }
  if (most === 0) return 0;
  let sum = 0;
  for (const value of values) sum += (value / most) ** 2;
  return most * Math.sqrt(sum / values.length);
}
