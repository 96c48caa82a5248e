// Draws what was measured into the lab's pictures.

import { axes, band, bars, counted, curve, linear, logarithmic, markers, quartiles } from "./chart.js";
import { power } from "./words.js";

const TOP_LOSS = 10; // of the picture; guessing has a loss of 2.3

const indexed = (values) => values.map((value, i) => [i + 1, value]);

/** Draw a quantity by layer, measured (one list for each network), predicted and after training; return the medians. */
export function drawByLayer(svg, label, { measured, theory, trained }) {
  const found = quartiles(measured);
  const medians = found.map(([, median]) => median);
  const y = logarithmic([...found.flat(), ...theory, ...trained]);
  const place = axes(svg, counted(1, found.length), y, "layer", label);
  svg.append(
    band(place, found, "lab-band"),
    markers(place, indexed(medians), "lab-measured"),
    markers(place, indexed(trained), "lab-trained", "square"),
    curve(place, indexed(theory), "lab-theory"),
  );
  return medians;
}

/** Draw a histogram; null is one of infinite values. */
export function drawHistogram(svg, shown) {
  if (!shown) return svg.replaceChildren();
  const size = Math.floor(Math.log10(Math.max(-shown.low, shown.high)));
  const scale = Math.abs(size) < 3 ? 1 : 10 ** size; // no tick of many zeros
  const label = scale === 1 ? "x" : `x, in units of ${power(size)}`;
  const [x, y] = [linear(shown.low / scale, shown.high / scale), linear(0, Math.max(...shown.counts))];
  const place = axes(svg, x, y, label, "how many");
  svg.append(bars(place, { low: x.low, high: x.high, counts: shown.counts }, "lab-bars"));
}

/** Draw the losses of a run, and the shares of images that are right. */
export function drawTraining(svg, { losses, accuracies }, steps) {
  const top = Math.min(TOP_LOSS, Math.max(2.5, ...losses.filter(Number.isFinite)));
  const right = { scale: linear(0, 100), label: "% right" };
  const place = axes(svg, linear(0, steps), linear(0, top), "step", "loss", right);
  const above = indexed(losses).filter(([, loss]) => !(loss <= top)); // so also what is not a number
  const percent = accuracies.map(([step, share]) => [step, 100 * share]);
  svg.append(
    curve(place, indexed(losses.map((loss) => Math.min(loss, top))), "lab-loss"),
    markers(place, above.map(([step]) => [step, top]), "lab-measured", "above"),
    markers({ x: place.x, y: place.right }, percent, "lab-trained", "square"),
  );
}
