// What a reader can set: names, ranges and words of the settings, and the address that holds them.

import { ACTIVATIONS } from "./activations.js";
import { SCHEMES } from "./initializers.js";

export const BY_HAND = "by_hand";

// A `log` slider moves by equal factors. `name` is what the address calls a setting.
export const SETTINGS = {
  activation: { label: "Activation", choices: Object.keys(ACTIVATIONS), start: "tanh" },
  depth: { label: "Depth: hidden layers", low: 1, high: 50, step: 1, start: 20 },
  width: { label: "Width: units in a layer", low: 16, high: 128, step: 8, start: 64 },
  scheme: { label: "Scheme", choices: [BY_HAND, ...Object.keys(SCHEMES)], start: BY_HAND },
  sigma_w2: { label: "Weight variance times fan-in, σ_w²", low: 0.01, high: 100, log: true, start: 1 },
  sigma_b2: { label: "Bias variance, σ_b²", low: 0, high: 4, step: 0.01, start: 0 },
  normalization: { label: "Normalization", choices: ["none", "batch", "layer"], start: "none" },
  skip: { label: "Skip connections", choices: ["no", "yes"], start: "no" },
  rate: { label: "Learning rate", low: 0.001, high: 10, log: true, start: 0.1 },
  networks: { label: "Networks drawn", low: 1, high: 40, step: 1, start: 20 },
  layer: { label: "Layer of the histogram", low: 1, high: 50, step: 1, start: 20 },
  seed: { label: "Seed", low: 0, high: 9999, step: 1, start: 0 },
};

export const STARTS = Object.fromEntries(
  Object.entries(SETTINGS).map(([name, { start }]) => [name, start]),
);

const plain = new Intl.NumberFormat("en", { maximumSignificantDigits: 12, useGrouping: false });

/** The settings that an address asks for, and a sentence for each thing in it that cannot be had. */
export function readAddress(text) {
  const settings = { ...STARTS };
  const complaints = [];
  for (const [name, given] of new URLSearchParams(text)) {
    const setting = SETTINGS[name];
    if (!Object.hasOwn(SETTINGS, name)) {
      complaints.push(`The address names “${name}”, which is no setting of the lab.`);
    } else if (setting.choices) {
      if (setting.choices.includes(given)) settings[name] = given;
      else complaints.push(`${name} cannot be “${given}”; it is one of ${setting.choices.join(", ")}.`);
    } else {
      const value = given.trim() === "" ? NaN : Number(given);
      const nearest = clamp(setting, value);
      if (Number.isFinite(value)) settings[name] = nearest;
      if (nearest !== value) {
        const whole = setting.step >= 1 ? "a whole number" : "a number";
        complaints.push(
          `${name} must be ${whole} from ${setting.low} to ${setting.high}` +
            `${setting.step > 1 ? `, in steps of ${setting.step}` : ""}; ` +
            `the address says “${given}”, so ${usedFor(name, settings[name], value)} is used.`,
        );
      }
    }
  }
  if (settings.scheme !== BY_HAND && new URLSearchParams(text).has("sigma_w2")) {
    const set = `The scheme ${inSpaces(settings.scheme)} sets the weight variance, to ${shownVariance(settings)}`;
    complaints.push(`${set}; the address gives sigma_w2, too, which is not used.`);
    settings.sigma_w2 = STARTS.sigma_w2;
  }
  return { settings, complaints };
}

/** What is used in the place of a value; the last layer is the depth's, whatever comes after it in the address. */
const usedFor = (name, nearest, value) =>
  name === "layer" && value > nearest ? "the last one" : plain.format(nearest);

/** The address of settings: those that differ from the start, or one: without any, the page would choose its own. */
export function writeAddress(settings) {
  const parameters = new URLSearchParams();
  for (const [name, { start }] of Object.entries(SETTINGS)) {
    const value = settings[name];
    if (name === "sigma_w2" && settings.scheme !== BY_HAND) continue; // of no effect
    if (value !== start) parameters.set(name, typeof value === "number" ? plain.format(value) : value);
  }
  return parameters.toString() || `sigma_w2=${plain.format(settings.sigma_w2)}`;
}

/** The variance of a weight between hidden layers, times fan-in. There both fans are the width, so it is the scale. */
export const shownVariance = ({ scheme, sigma_w2 }) => (scheme === BY_HAND ? sigma_w2 : SCHEMES[scheme].scale);

/** A choice as people write it. */
export const inSpaces = (choice) => choice.replaceAll("_", " ");

/** The allowed value nearest to one; NaN for what is no number. */
export function clamp({ low, high, step }, value) {
  if (Number.isNaN(value)) return NaN;
  const inside = Math.min(high, Math.max(low, value));
  if (!step || step < 1) return inside;
  return Math.min(high, low + step * Math.round((inside - low) / step));
}

const SLIDER = 400; // positions of a slider that moves by factors

/** Where a value is on its slider, and back. */
export const toSlider = ({ low, high, log }, value) =>
  log ? Math.round((SLIDER * Math.log(value / low)) / Math.log(high / low)) : value;
export const fromSlider = ({ low, high, log }, position) =>
  log ? Number((low * (high / low) ** (position / SLIDER)).toPrecision(3)) : Number(position);
export const sliderRange = ({ low, high, step, log }) =>
  log ? { min: 0, max: SLIDER, step: 1 } : { min: low, max: high, step };
