// Training by plain gradient descent. (In the package: weightinit.training.train.)

import { CLASSES, backward, crossEntropy, forward } from "./network.js";
import { followBatch } from "./normalization.js";

function descend(values, gradient, rate) {
  for (let i = 0; i < values.length; i++) values[i] -= rate * gradient[i];
}

/** One step on n images; returns the loss before it. */
export function trainStep(network, images, labels, n, rate) {
  const passed = forward(network, images, n);
  const { loss, gradients } = backward(network, passed, labels, n);
  network.layers.forEach((layer, index) => {
    const own = gradients[index];
    descend(layer.weight, own.weight, rate);
    descend(layer.bias, own.bias, rate);
    if (layer.norm) {
      descend(layer.norm.gamma, own.norm.gamma, rate);
      descend(layer.norm.beta, own.norm.beta, rate);
      followBatch(layer.norm, passed[index].a, n, layer.fanOut);
    }
  });
  return loss;
}

/** Loss and accuracy of a network in evaluation, where batch normalization uses its running averages. */
export function evaluate(network, images, labels, n) {
  const passed = forward(network, images, n, true);
  const scores = passed[passed.length - 1].a;
  let right = 0;
  for (let i = 0; i < n; i++) {
    const row = scores.subarray(i * CLASSES, (i + 1) * CLASSES);
    const finite = row.every(Number.isFinite); // otherwise never right
    if (finite && row.indexOf(Math.max(...row)) === labels[i]) right += 1;
  }
  return { loss: crossEntropy(scores, labels, n).loss, accuracy: right / n };
}

/** Batches of row numbers for ever; an incomplete last batch is left out, so all are equally big. */
export function* batches(n, size, generator) {
  for (;;) {
    const order = generator.permutation(n);
    for (let start = 0; start + size <= n; start += size) yield order.subarray(start, start + size);
  }
}

/** The images and labels of some rows. */
export function take(images, labels, rows) {
  const size = images.length / labels.length;
  const taken = new Float64Array(rows.length * size);
  rows.forEach((row, i) => taken.set(images.subarray(row * size, (row + 1) * size), i * size));
  return { images: taken, labels: Uint8Array.from(rows, (row) => labels[row]) };
}
