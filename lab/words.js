// The sentences that say what happens, for everyone; a screen reader reads them out.

const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** A number in two digits, as people write it: 0.62, 14, 1.1 × 10⁻¹². */
export function inWords(value) {
  if (Number.isNaN(value)) return "not a number";
  if (!Number.isFinite(value)) return "infinite";
  if (value === 0) return "0";
  if (Math.abs(value) >= 0.01 && Math.abs(value) < 9999.5) {
    return String(Number(value.toPrecision(value >= 100 ? 3 : 2)));
  }
  const [digits, exponent] = value.toExponential(1).split("e");
  return `${digits}\u00a0×\u00a0${power(Number(exponent))}`;
}

/** Ten to a whole number. */
export function power(exponent) {
  const digits = [...String(Math.abs(exponent))].map((digit) => SUPERSCRIPTS[digit]).join("");
  return `10${exponent < 0 ? "⁻" : ""}${digits}`;
}

/** A sentence as it should be heard: screen readers leave out raised digits, or their sign. */
export function aloud(sentence) {
  return sentence.replace(/\u00a0×\u00a010(⁻?)([⁰¹²³⁴⁵⁶⁷⁸⁹]+)/g, (_, minus, digits) => {
    const exponent = [...digits].map((digit) => SUPERSCRIPTS.indexOf(digit)).join("");
    return ` times ten to the power of ${minus && "minus "}${exponent}`;
  });
}

/** What a change by a factor is called: within 2 it stays, beyond 100 it has the stronger name. */
function verdict(ratio, [lost, less, more, most], beyond = "left the range of numbers") {
  if (!Number.isFinite(ratio)) return beyond;
  if (ratio === 0) return "is gone";
  if (ratio > 0.5 && ratio < 2) return "stays";
  if (ratio < 1) return ratio < 0.01 ? lost : less;
  return ratio > 100 ? most : more;
}

const SIGNAL = ["fades", "falls", "grows", "explodes"];
const GRADIENT = ["vanishes", "shrinks", "grows", "explodes"];

/** Both in a few words, to be read beside a control. */
export function brief({ signal, gradient }) {
  if (signal.length < 2) return "One layer: nothing to compare";
  const ratio = signal[signal.length - 1] / signal[0];
  const both = [verdict(ratio, SIGNAL, "overflows"), verdict(gradient[0], GRADIENT, "overflows")];
  return `Signal ${both[0]} · gradient ${both[1]}`;
}

const NOT_IN_THEORY = {
  batch: "batch normalization sets the scale of h anew",
  layer: "layer normalization sets the scale of h anew",
  skip: "skip connections add the layer before",
};

/** Why no line is predicted. */
function noTheory({ normalization, skip }) {
  const why = [NOT_IN_THEORY[normalization], skip === "yes" && NOT_IN_THEORY.skip].filter(Boolean).join(" and ");
  return `There is no dashed line: ${why}, which the theory of this course leaves out.`;
}

/** What the signal and the gradient do; `seen` has medians by layer, `lines` the theory's or null. */
export function describe(settings, seen, lines, count) {
  const last = seen.signal.length;
  const networks = count === 1 ? "One network" : `Median of ${count} networks`;
  const signal = seen.signal[last - 1] / seen.signal[0];
  const gradient = seen.gradient[0];
  const sentences = [`${networks} with ${settings.activation}, ${last} ${last === 1 ? "layer" : "layers"} of ${settings.width}.`];
  const predicted = (name, index) => {
    const value = lines?.[name]?.[index];
    return value === undefined ? "" : `; theory says ${inWords(value)}`;
  };
  if (last > 1) {
    const way = verdict(gradient, GRADIENT);
    const back = GRADIENT.includes(way) ? " on the way back" : "";
    sentences.push(
      `The signal ${verdict(signal, SIGNAL)}: the RMS of x is ${inWords(seen.signal[0])} in ` +
        `layer 1 and ${inWords(seen.signal[last - 1])} in layer ${last}${predicted("signal", last - 1)}.`,
      `The gradient ${way}${back}: in ` +
        `layer 1 it is ${inWords(gradient)} ${gradient < 1 ? "of" : "times"} layer ${last}'s${predicted("gradient", 0)}.`,
    );
  } else {
    sentences.push(`The RMS of x is ${inWords(seen.signal[0])}${predicted("signal", 0)}.`);
  }
  if (lines === null) {
    sentences.push(noTheory(settings));
  } else if (lines.lost !== null) {
    sentences.push(`Theory stops at layer ${lines.lost}: there the signal leaves the range of numbers.`);
  }
  const most = Math.max(...seen.signal);
  if (most > 3.4e38) sentences.push("In single precision, which most networks use, it would be infinite.");
  return sentences.join(" ");
}

/** How training goes or went. */
export function describeTraining(run, steps) {
  const loss = run.losses[run.losses.length - 1];
  if (run.losses.length === 0) return run.stopped ? "Training was stopped before it began." : "Training starts.";
  const now = `after ${run.losses.length} of ${steps} steps the loss is ${inWords(loss)}`;
  if (!Number.isFinite(loss)) {
    const first = run.losses.length > 1 ? `at first the loss was ${inWords(run.losses[0])}, ` : "";
    return `Training broke down: ${first}${now}. Try a smaller learning rate or another start.`;
  }
  const [, accuracy] = run.accuracies[run.accuracies.length - 1];
  const right = `${Math.round(100 * accuracy)} % of the test images are right (guessing: 10 %)`;
  const state = run.ended ? "Training ended" : run.stopped ? "Training was stopped" : "Training";
  return `${state}: ${now}, at first ${inWords(run.losses[0])}; ${right}.`;
}
