// The distribution function of N(0, 1), which browsers do not have; GELU is made of it.
//
// erf near 0 by its series; erfc further out by its continued fraction (Abramowitz and Stegun, 7.1.6 and
// 7.1.14), with as many terms as double precision needs. A table of coefficients would be faster and could not
// be checked by reading.

const ROOT_PI = Math.sqrt(Math.PI);
const BORDER = 2.4; // of |x|: there the series and the fraction need about as many terms

function erfSeries(x) {
  // erf x = 2/sqrt(pi) exp(-x^2) sum of 2^n x^(2n+1) / (1 3 5 ... (2n+1)), all terms of one sign
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / ROOT_PI) * Math.exp(-x * x) * sum;
}

function erfcFraction(x) {
  // sqrt(pi) exp(x^2) erfc x = 1/(x + (1/2)/(x + 1/(x + (3/2)/(x + ...)))), from the inside out
  let fraction = x;
  for (let n = 60; n > 0; n--) fraction = x + n / 2 / fraction;
  return Math.exp(-x * x) / (ROOT_PI * fraction);
}

/** P(z < h) for z from N(0, 1), to 14 digits, in the far tails too. */
export function normalCdf(h) {
  const x = Math.abs(h) / Math.SQRT2;
  if (x < BORDER) return 0.5 + 0.5 * erfSeries(h / Math.SQRT2);
  const tail = 0.5 * erfcFraction(x);
  return h < 0 ? tail : 1 - tail;
}
