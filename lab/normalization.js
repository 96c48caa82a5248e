// Batch and layer normalization, forward and backward: the same formula over columns or over rows.
// (In the package: weightinit.normalization, and PyTorch's BatchNorm1d and LayerNorm.)

import { zeros } from "./memory.js";

const EPS = 1e-5; // PyTorch's, of both
const MOMENTUM = 0.1; // PyTorch's: the share of the newest batch in the running averages

/** What a layer of `size` units needs besides its weights; null without normalization. */
export function makeNorm(kind, size) {
  if (kind === "none") return null;
  const filled = (value) => new Float64Array(size).fill(value);
  return { kind, gamma: filled(1), beta: filled(0), mean: filled(0), variance: filled(1) };
}

// Where the numbers of one group lie: a column of all images (batch), or a row of all units (layer).
function* groups(kind, n, size) {
  if (kind === "batch") for (let j = 0; j < size; j++) yield [j, size, n];
  else for (let i = 0; i < n; i++) yield [i * size, 1, size];
}

/** Normalize a of shape (n, size). With `running`, by the running averages, as in evaluation. */
export function normalize(norm, a, n, size, running) {
  const hat = zeros(n * size);
  const deviations = [];
  let group = 0;
  for (const [start, step, count] of groups(norm.kind, n, size)) {
    let mean = 0;
    let variance = 0;
    if (running && norm.kind === "batch") {
      mean = norm.mean[group];
      variance = norm.variance[group];
    } else {
      for (let k = 0; k < count; k++) mean += a[start + k * step];
      mean /= count;
      for (let k = 0; k < count; k++) variance += (a[start + k * step] - mean) ** 2;
      variance /= count;
    }
    const deviation = Math.sqrt(variance + EPS);
    for (let k = 0; k < count; k++) hat[start + k * step] = (a[start + k * step] - mean) / deviation;
    deviations.push(deviation);
    group += 1;
  }
  const h = zeros(n * size);
  for (let i = 0; i < h.length; i++) h[i] = norm.gamma[i % size] * hat[i] + norm.beta[i % size];
  return { h, hat, deviations };
}

/** Let the running averages follow a batch a of shape (n, size). Layer normalization keeps none. */
export function followBatch(norm, a, n, size) {
  if (norm?.kind !== "batch") return;
  for (let j = 0; j < size; j++) {
    let mean = 0;
    let squares = 0;
    for (let i = 0; i < n; i++) mean += a[i * size + j] / n;
    for (let i = 0; i < n; i++) squares += (a[i * size + j] - mean) ** 2;
    norm.mean[j] += MOMENTUM * (mean - norm.mean[j]);
    norm.variance[j] += MOMENTUM * (squares / (n - 1) - norm.variance[j]); // as PyTorch does
  }
}

/** dL/da from dL/dh, and dL/dgamma and dL/dbeta. */
export function normalizeBackward(norm, dh, { hat, deviations }, n, size) {
  const gamma = zeros(size);
  const beta = zeros(size);
  const g = zeros(n * size); // dL/d(hat)
  for (let i = 0; i < g.length; i++) {
    g[i] = dh[i] * norm.gamma[i % size];
    gamma[i % size] += dh[i] * hat[i];
    beta[i % size] += dh[i];
  }
  const da = zeros(n * size);
  let group = 0;
  for (const [start, step, count] of groups(norm.kind, n, size)) {
    let mean = 0;
    let along = 0;
    for (let k = 0; k < count; k++) {
      mean += g[start + k * step] / count;
      along += (g[start + k * step] * hat[start + k * step]) / count;
    }
    for (let k = 0; k < count; k++) {
      const at = start + k * step;
      da[at] = (g[at] - mean - hat[at] * along) / deviations[group];
    }
    group += 1;
  }
  return { da, gamma, beta };
}
