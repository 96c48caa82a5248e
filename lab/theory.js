// What theory predicts about a random network that is wide. (In the package: weightinit.theory.)
//
// The pre-activations of a layer are taken as draws from N(0, q). One number per layer, q, then says how large
// the signal is; one more, E[phi'(h)^2], what the way back does to the gradient (Poole et al. 2016; Schoenholz
// et al. 2017).

import { ACTIVATIONS } from "./activations.js";
import { variance } from "./initializers.js";

// Half of the 15 nodes of Gauss and Kronrod on [-1, 1], with their weights, and the middle one.
const KRONROD = [
  [0.9914553711208126, 0.02293532201052922],
  [0.9491079123427585, 0.06309209262997856],
  [0.8648644233597691, 0.10479001032225019],
  [0.7415311855993945, 0.14065325971552592],
  [0.5860872354676911, 0.1690047266392679],
  [0.4058451513773972, 0.19035057806478542],
  [0.20778495500789848, 0.20443294007529889],
];
const RULE = [...KRONROD, ...KRONROD.map(([node, weight]) => [-node, weight]), [0, 0.20948214108472782]];

const CUT = 9; // beyond 9 standard deviations a Gaussian holds 1e-18 of its mass
const TINY = 2.2250738585072014e-308; // below it, numbers lose digits

/** Where panels of the quadrature end, in standard deviations. */
function panelEnds(scale, kinks) {
  const ends = new Set(kinks.map((kink) => kink / scale));
  for (let z = -CUT; z <= CUT; z++) ends.add(z);
  // Activations bend on a scale of half a unit, which is much less than a standard deviation if q is large;
  // further out they straighten, and panels may grow.
  for (let h = 0.5; h / scale < CUT; h = h < 16 ? h + 0.5 : 2 * h) {
    ends.add(h / scale);
    ends.add(-h / scale);
  }
  return [...ends].filter((z) => Math.abs(z) <= CUT).sort((a, b) => a - b);
}

/** E[g(h)] for h from N(0, q). */
export function gaussianMean(g, q, kinks = []) {
  const scale = Math.sqrt(q);
  const ends = panelEnds(scale, kinks);
  let mean = 0;
  for (let i = 0; i + 1 < ends.length; i++) {
    const middle = (ends[i] + ends[i + 1]) / 2;
    const half = (ends[i + 1] - ends[i]) / 2;
    for (const [node, weight] of RULE) {
      const z = middle + half * node;
      mean += half * weight * Math.exp(-(z * z) / 2) * g(scale * z);
    }
  }
  return mean / Math.sqrt(2 * Math.PI);
}

/** E[phi(h)^2]: what a layer passes forward. */
export function secondMoment(activation, q) {
  const { f, kinks } = ACTIVATIONS[activation];
  return gaussianMean((h) => f(h) ** 2, q, kinks);
}

/** E[phi'(h)^2]: what a layer passes backward. */
export function slopeSecondMoment(activation, q) {
  const { df, kinks } = ACTIVATIONS[activation];
  return gaussianMean((h) => df(h) ** 2, q, kinks);
}

/**
 * Signal and gradient, layer by layer.
 *
 * Returns for each hidden layer q, x2 and slope2, chi1 (the factor of the squared gradient from the next layer)
 * and gradient, the RMS of dL/dh over its value at the last hidden layer. Where the signal leaves the range of
 * double precision the lists end, and `lost` is the number of that layer.
 */
export function propagate(activation, widths, scheme, sigmaB2, inputSecondMoment) {
  const layers = [];
  let x2 = inputSecondMoment;
  let lost = null;
  for (let l = 1; l < widths.length - 1; l++) {
    const q = widths[l - 1] * variance(scheme, widths[l - 1], widths[l]) * x2 + sigmaB2;
    x2 = secondMoment(activation, q);
    if (!(q >= TINY && q < Infinity && x2 < Infinity)) {
      lost = l;
      break;
    }
    const slope2 = slopeSecondMoment(activation, q);
    const last = l === widths.length - 2; // nothing but the output follows
    const chi1 = last ? NaN : widths[l + 1] * variance(scheme, widths[l], widths[l + 1]) * slope2;
    layers.push({ q, x2, slope2, chi1, gradient: 1 });
  }
  // Roots are multiplied, not the factors: an RMS of 1e-200 is a number, its square is not.
  for (let i = layers.length - 2; i >= 0; i--) {
    layers[i].gradient = layers[i + 1].gradient * Math.sqrt(layers[i].chi1);
  }
  return { layers, lost };
}

/** The point of the critical line chi1 = 1 at which q is a fixed point, or null if no bias variance fits. */
export function criticalPoint(activation, q) {
  const { f, df, kinks } = ACTIVATIONS[activation];
  const slope2 = slopeSecondMoment(activation, q);
  if (!(slope2 > 0)) return null;
  // Without the part of phi that is a multiple of h, no digits are lost at a small q.
  const a = gaussianMean(df, q, kinks);
  const bent2 = gaussianMean((h) => (f(h) - a * h) ** 2, q, kinks);
  const bentSlope2 = gaussianMean((h) => (df(h) - a) ** 2, q, kinks);
  const sigmaB2 = (q * bentSlope2 - bent2) / slope2;
  if (Math.abs(sigmaB2) <= (1e-12 * bent2 + 1e-30 * q) / slope2) return { sigmaW2: 1 / slope2, sigmaB2: 0 };
  return sigmaB2 < 0 ? null : { sigmaW2: 1 / slope2, sigmaB2 };
}
