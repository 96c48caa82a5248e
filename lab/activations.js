// The activations of the book: phi and phi', written so that nothing overflows and no digits cancel in the
// tails. At a kink, df is what PyTorch returns there. (In the package: weightinit.activations.registry.)

import { normalCdf } from "./normal_cdf.js";

const expit = (h) => {
  // Of the two forms, the one whose exponential cannot overflow.
  const e = Math.exp(-Math.abs(h));
  return h < 0 ? e / (1 + e) : 1 / (1 + e);
};
const dSigmoid = (h) => expit(h) * expit(-h);
const dTanh = (h) => 4 * dSigmoid(2 * h); // 1 - tanh(h)**2 would be 0 from h = 20 on
const softplus = (h) => Math.max(h, 0) + Math.log1p(Math.exp(-Math.abs(h)));
const density = (h) => Math.exp(-(h * h) / 2) / Math.sqrt(2 * Math.PI);

const exponential = (scale, alpha) => ({
  f: (h) => scale * (h > 0 ? h : alpha * Math.expm1(h)),
  df: (h) => scale * (h > 0 ? 1 : alpha * Math.exp(h)),
  kinks: [0],
});

// The constants that make mean 0 and variance 1 a fixed point (Klambauer et al., 2017, eq. 14).
const SELU_ALPHA = 1.6732632423543772;
const SELU_SCALE = 1.0507009873554805;
const LEAK = 0.01;

export const ACTIVATIONS = {
  sigmoid: { f: expit, df: dSigmoid, kinks: [] },
  tanh: { f: Math.tanh, df: dTanh, kinks: [] },
  relu: { f: (h) => (h > 0 ? h : h !== h ? h : 0), df: (h) => (h > 0 ? 1 : 0), kinks: [0] },
  leaky_relu: { f: (h) => (h > 0 ? h : LEAK * h), df: (h) => (h > 0 ? 1 : LEAK), kinks: [0] },
  elu: exponential(1, 1),
  selu: exponential(SELU_SCALE, SELU_ALPHA),
  gelu: { f: (h) => h * normalCdf(h), df: (h) => normalCdf(h) + h * density(h), kinks: [] },
  silu: { f: (h) => h * expit(h), df: (h) => expit(h) * (1 + h * expit(-h)), kinks: [] },
  mish: {
    f: (h) => h * Math.tanh(softplus(h)),
    df: (h) => Math.tanh(softplus(h)) + h * dTanh(softplus(h)) * expit(h),
    kinks: [],
  },
  softplus: { f: softplus, df: expit, kinks: [] },
  softsign: {
    f: (h) => h / (1 + Math.abs(h)),
    df: (h) => 1 / (1 + Math.abs(h)) ** 2,
    kinks: [0],
  },
  hardtanh: {
    f: (h) => (h > 1 ? 1 : h < -1 ? -1 : h),
    df: (h) => (h > -1 && h < 1 ? 1 : 0),
    kinks: [-1, 1],
  },
  linear: { f: (h) => h, df: () => 1, kinks: [] },
};
