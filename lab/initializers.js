// Schemes and the weights that they draw. (In the package: weightinit.initializers.)

const MODES = {
  fan_in: (fanIn) => fanIn,
  fan_out: (fanIn, fanOut) => fanOut,
  fan_avg: (fanIn, fanOut) => (fanIn + fanOut) / 2,
};

// Standard deviation of N(0, 1) cut at -2 and 2.
const TRUNCATED_STD = 0.87962566103423978;

const DISTRIBUTIONS = {
  normal: (std, generator) => std * generator.normal(),
  // A uniform law on [-a, a] has variance a^2 / 3.
  uniform: (std, generator) => Math.sqrt(3) * std * (2 * generator.uniform() - 1),
  // Widened first, so that the variance after the cut is the one asked for.
  truncated_normal: (std, generator) => {
    let z = generator.normal();
    while (Math.abs(z) > 2) z = generator.normal();
    return (std / TRUNCATED_STD) * z;
  },
};

/** The named schemes: the variance of a weight is scale / mode(fans). */
export const SCHEMES = {
  lecun_normal: { scale: 1, mode: "fan_in", distribution: "normal" },
  lecun_uniform: { scale: 1, mode: "fan_in", distribution: "uniform" },
  lecun_truncated_normal: { scale: 1, mode: "fan_in", distribution: "truncated_normal" },
  xavier_normal: { scale: 1, mode: "fan_avg", distribution: "normal" },
  xavier_uniform: { scale: 1, mode: "fan_avg", distribution: "uniform" },
  xavier_truncated_normal: { scale: 1, mode: "fan_avg", distribution: "truncated_normal" },
  he_normal: { scale: 2, mode: "fan_in", distribution: "normal" },
  he_uniform: { scale: 2, mode: "fan_in", distribution: "uniform" },
  he_truncated_normal: { scale: 2, mode: "fan_in", distribution: "truncated_normal" },
  orthogonal: { scale: 1, mode: "fan_in", distribution: "orthogonal" },
};

/** A scheme for weights of variance sigmaW2 / fan-in: what the sliders set. */
export function byHand(sigmaW2) {
  return { scale: sigmaW2, mode: "fan_in", distribution: "normal" };
}

/** The variance of one weight of a layer. */
export function variance(scheme, fanIn, fanOut) {
  return scheme.scale / MODES[scheme.mode](fanIn, fanOut);
}

/** A new weight of shape (fanOut, fanIn), row by row. */
export function drawWeight(scheme, fanIn, fanOut, generator) {
  const std = Math.sqrt(variance(scheme, fanIn, fanOut));
  if (scheme.distribution === "orthogonal") return orthogonal(fanIn, fanOut, std, generator);
  const draw = DISTRIBUTIONS[scheme.distribution];
  const weight = new Float64Array(fanOut * fanIn);
  for (let i = 0; i < weight.length; i++) weight[i] = draw(std, generator);
  return weight;
}

/** A new bias of `size` numbers from N(0, sigmaB2). */
export function drawBias(sigmaB2, size, generator) {
  if (sigmaB2 === 0) return new Float64Array(size);
  return Float64Array.from({ length: size }, () => Math.sqrt(sigmaB2) * generator.normal());
}

/** A semi-orthogonal matrix, uniform over all of them, whose entries have root mean square `rms`. */
function orthogonal(fanIn, fanOut, rms, generator) {
  const longer = Math.max(fanIn, fanOut);
  const vectors = [];
  while (vectors.length < Math.min(fanIn, fanOut)) {
    const v = Float64Array.from({ length: longer }, () => generator.normal());
    // Gram and Schmidt, twice: once leaves rounding errors. Unlike a library's QR it changes no signs, which
    // would make the result anything but uniform.
    for (let pass = 0; pass < 2; pass++) {
      for (const u of vectors) {
        let along = 0;
        for (let i = 0; i < longer; i++) along += u[i] * v[i];
        for (let i = 0; i < longer; i++) v[i] -= along * u[i];
      }
    }
    const length = Math.hypot(...v);
    vectors.push(v.map((value) => value / length));
  }
  const size = rms * Math.sqrt(longer);
  const weight = new Float64Array(fanOut * fanIn);
  for (let row = 0; row < fanOut; row++) {
    for (let column = 0; column < fanIn; column++) {
      const entry = fanOut <= fanIn ? vectors[row][column] : vectors[column][row];
      weight[row * fanIn + column] = size * entry;
    }
  }
  return weight;
}
