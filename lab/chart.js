// Pictures as SVG: axes, curves, markers and bands. Colours and sizes of text are in lab.css.

import { power } from "./words.js";

const NAMESPACE = "http://www.w3.org/2000/svg";
export const WIDTH = 360;
export const HEIGHT = 230;
const [LEFT, RIGHT, TOP, BOTTOM] = [52, 10, 12, 40];
const RIGHT_AXIS = 46; // in the place of RIGHT, where there is an axis on the right

/** A new SVG element with attributes, and children or a text in it. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElementNS(NAMESPACE, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** An empty picture that says what it shows. */
export function picture(label) {
  return element("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label });
}

export const linear = (low, high) => ({
  low,
  high,
  share: (value) => (value - low) / (high - low),
  ticks: () => {
    const rough = (high - low) / 5;
    const power10 = 10 ** Math.floor(Math.log10(rough));
    const step = power10 * [1, 2, 5, 10].find((factor) => factor * power10 >= rough * 0.999);
    const ticks = [];
    for (let t = Math.ceil(low / step - 1e-9) * step; t <= high + 1e-9 * step; t += step) ticks.push(t);
    return ticks.map((value) => [value, String(Number(value.toPrecision(6)))]);
  },
});

/** Whole numbers only, such as layers. */
export const counted = (low, high) => ({
  ...linear(low, high > low ? high : low + 1),
  ticks: () => {
    const step = [1, 2, 5, 10, 20, 50, 100].find((size) => (high - low) / size <= 6);
    const ticks = [low];
    for (let t = step * Math.ceil((low + 1) / step); t <= high; t += step) if (t > low) ticks.push(t);
    return ticks.map((value) => [value, String(value)]);
  },
});

/** By equal factors, from a power of ten to a power of ten, around the positive values given. */
export function logarithmic(values) {
  const good = values.filter((value) => value > 0 && Number.isFinite(value)).map(Math.log10);
  let low = Math.floor(Math.min(...good, 0) + 1e-9);
  let high = Math.ceil(Math.max(...good, 0) - 1e-9);
  if (high === low) high += 1;
  if (high - low === 1) [low, high] = high <= 0 ? [low, high + 1] : [low - 1, high]; // what stays looks so
  const step = Math.ceil((high - low) / 5);
  return {
    share: (value) => (Math.log10(value) - low) / (high - low),
    ticks: () => {
      const ticks = [];
      for (let exponent = step * Math.ceil(low / step); exponent <= high; exponent += step) {
        ticks.push([10 ** exponent, exponent === 0 ? "1" : power(exponent)]);
      }
      return ticks;
    },
  };
}

/** A text whose σ_w has a lowered w. */
function lowered(text) {
  return text.split(/(_[wb])/).flatMap((part) => {
    if (!part.startsWith("_")) return [part];
    return [element("tspan", { dy: 3, class: "lab-index" }, part.slice(1)), element("tspan", { dy: -3 }, "\u200b")];
  });
}

/** Axes with two scales, or a third one on the right, and the functions that place a value on them. */
export function axes(svg, x, y, xLabel, yLabel, right = null) {
  const end = WIDTH - (right ? RIGHT_AXIS : RIGHT);
  const upward = (scale) => (value) => HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * scale.share(value);
  const place = {
    x: (value) => LEFT + (end - LEFT) * x.share(value),
    y: upward(y),
    right: right && upward(right.scale),
  };
  const frame = element("g", { class: "lab-axes", "aria-hidden": "true" });
  for (const [value, text] of y.ticks()) {
    const at = place.y(value);
    frame.append(
      element("line", { x1: LEFT, x2: end, y1: at, y2: at }),
      element("text", { x: LEFT - 5, y: at + 4, "text-anchor": "end" }, text),
    );
  }
  for (const [value, text] of x.ticks()) {
    const at = place.x(value);
    frame.append(
      element("line", { x1: at, x2: at, y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM + 4 }),
      element("text", { x: at, y: HEIGHT - BOTTOM + 17, "text-anchor": "middle" }, text),
    );
  }
  for (const [value, text] of right ? right.scale.ticks() : []) {
    frame.append(element("text", { x: end + 5, y: place.right(value) + 4 }, text));
  }
  const middle = (TOP + HEIGHT - BOTTOM) / 2;
  const upright = (at, text) =>
    element("text", { transform: `translate(${at} ${middle}) rotate(-90)`, "text-anchor": "middle" }, ...lowered(text));
  frame.append(
    element("text", { x: (LEFT + end) / 2, y: HEIGHT - 6, "text-anchor": "middle" }, ...lowered(xLabel)),
    upright(11, yLabel),
    ...(right ? [upright(WIDTH - 3, right.label)] : []),
  );
  svg.replaceChildren(frame);
  return place;
}

const drawable = (value, svgY) => Number.isFinite(value) && Number.isFinite(svgY);

/** A curve through points [x, y]; what cannot be drawn interrupts it. */
export function curve(place, points, css) {
  let path = "";
  let pen = "M";
  for (const [x, y] of points) {
    const at = place.y(y);
    if (drawable(y, at)) path += `${pen}${place.x(x).toFixed(1)} ${at.toFixed(1)}`;
    pen = drawable(y, at) ? "L" : "M";
  }
  return element("path", { d: path, class: css });
}

const SHAPES = {
  circle: (x, y) => element("circle", { cx: x, cy: y, r: 3 }),
  square: (x, y) => element("rect", { x: x - 2.8, y: y - 2.8, width: 5.6, height: 5.6 }),
  above: (x, y) => element("path", { d: `M${x - 4} ${y + 3}h8l-4 -7z` }),
};

/** Markers at points [x, y], of different shapes, so that no meaning rests on colour alone. */
export function markers(place, points, css, shape = "circle") {
  const group = element("g", { class: css });
  for (const [x, y] of points) {
    const [atX, atY] = [place.x(x), place.y(y)];
    if (drawable(y, atY)) group.append(SHAPES[shape](atX, atY));
  }
  return group;
}

/** The band between the quartiles [low, median, high] at 1, 2, 3, ... */
export function band(place, found, css) {
  const points = found.map(([low, , high], i) => [i + 1, low, high]);
  const good = points.filter(([, a, b]) => drawable(a, place.y(a)) && drawable(b, place.y(b)));
  const edge = (part, which) =>
    part.map((point) => `${place.x(point[0]).toFixed(1)} ${place.y(point[which]).toFixed(1)}`);
  const outline = [...edge(good, 1), ...edge([...good].reverse(), 2)];
  return element("path", { d: outline.length ? `M${outline.join("L")}Z` : "", class: css });
}

/** Bars of a histogram with counts between two values. */
export function bars(place, { low, high, counts }, css) {
  const group = element("g", { class: css });
  counts.forEach((count, i) => {
    const from = place.x(low + ((high - low) * i) / counts.length);
    const to = place.x(low + ((high - low) * (i + 1)) / counts.length);
    const top = place.y(count);
    group.append(
      element("rect", { x: from, y: top, width: Math.max(0.5, to - from - 0.5), height: place.y(0) - top }),
    );
  });
  return group;
}

/** Lower quartile, median and upper quartile of several lists, place by place. */
export function quartiles(lists) {
  return lists[0].map((_, place) => {
    // A network without any signal has no relative gradient: 0 / 0 is left out.
    const known = lists.map((list) => list[place]).filter((value) => !Number.isNaN(value));
    const sorted = known.sort((a, b) => a - b);
    return [0.25, 0.5, 0.75].map((share) => quantile(sorted, share));
  });
}

/** The value below which a share of sorted values lies. */
function quantile(sorted, share) {
  if (!sorted.length) return NaN;
  const at = share * (sorted.length - 1);
  const low = Math.floor(at);
  const above = sorted[Math.min(low + 1, sorted.length - 1)];
  return at === low ? sorted[low] : sorted[low] + (at - low) * (above - sorted[low]);
}
