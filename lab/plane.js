// The plane of weight and bias variance, with the critical line and a point to drag.

import { HEIGHT, WIDTH, axes, curve, element, linear } from "./chart.js";

const SIZE = { sigmaW2: 4, sigmaB2: 2 }; // grows where the line or the point lies further out
const STEP = 0.05; // of an arrow key
const KEYS = {
  ...{ ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1] },
  ...{ PageDown: [-10, 0], PageUp: [10, 0], Home: [-Infinity, 0], End: [Infinity, 0] },
};
const POINT = 18; // radius that is seen
const FINGER = 22; // radius, in pixels of the screen, that a finger can hit

/** A part of the picture, cut off at the frame. */
function cut(place, wide, high, part) {
  const [x, y] = [place.x(0), place.y(high)];
  const [width, height] = [place.x(wide) - x, place.y(0) - y];
  return element("svg", { x, y, width, height, viewBox: `${x} ${y} ${width} ${height}` }, part);
}

export class Plane {
  /** `moved(sigmaW2, sigmaB2)` is called when the point is dragged or moved by keys. */
  constructor(moved) {
    this.moved = moved;
    this.svg = element("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "lab-plane" });
    this.handle = element("g", { class: "lab-handle", tabindex: 0, role: "slider" });
    this.handle.setAttribute("aria-label", "Weight and bias variance: arrow keys move the point");
    this.handle.style.display = "none"; // until its value is known
    this.target = element("circle", { class: "lab-target" });
    this.handle.append(this.target, element("circle", { r: POINT, class: "lab-reach" }), element("circle", { r: 7 }));
    this.ground = element("g"); // is drawn anew each time; the handle stays, and with it the focus
    this.svg.append(this.ground, this.handle);
    this.points = [];
    this.handle.addEventListener("keydown", (event) => this.key(event));
    this.svg.addEventListener("pointerdown", (event) => this.grab(event));
    this.svg.addEventListener("pointermove", (event) => this.dragged && this.drag(event));
    this.svg.addEventListener("pointerup", (event) => this.release(event));
    this.svg.addEventListener("pointercancel", () => this.cancel());
    // A finger on the point moves it; beside it, the page. (Browsers heed `touch-action` on a whole svg only.)
    this.handle.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false });
  }

  show(points, sigmaW2, sigmaB2) {
    this.points = points;
    Object.assign(this, { sigmaW2, sigmaB2 });
    if (!this.dragged) this.limits = this.around(); // the ground does not move under a finger
    const { high, wide } = this.limits;
    const place = axes(this.ground, linear(0, wide), linear(0, high), "weight variance σ_w²", "bias variance σ_b²");
    this.place = place;
    const inside = points.filter((point) => point.sigmaW2 <= wide && point.sigmaB2 <= high);
    const line = (inside.length ? points : []).map((point) => [point.sigmaW2, point.sigmaB2]);
    if (line.length && line.every(([, y]) => y === 0)) line.push([line[0][0], high]); // the same at any q
    this.ground.append(cut(place, wide, high, curve(place, line, "lab-theory")));
    const [atX, atY] = [place.x(Math.min(sigmaW2, wide)), place.y(Math.min(sigmaB2, high))];
    this.handle.setAttribute("transform", `translate(${atX} ${atY})`);
    this.handle.style.display = "";
    const pixels = this.svg.getScreenCTM()?.a || 1; // of a unit
    this.target.setAttribute("r", Math.max(POINT, FINGER / pixels));
    const said = { valuemin: 0, valuemax: wide, valuenow: sigmaW2 };
    for (const [name, value] of Object.entries(said)) this.handle.setAttribute(`aria-${name}`, value);
    const text = `weight variance ${sigmaW2}, bias variance ${sigmaB2}`;
    this.handle.setAttribute("aria-valuetext", text);
    return line.length > 0;
  }

  around() {
    const first = this.points.find((point) => point.sigmaB2 <= SIZE.sigmaB2);
    const needed = Math.max(SIZE.sigmaW2, 1.25 * this.sigmaW2, first ? 1.5 * first.sigmaW2 : 0);
    return { wide: Math.min(100, Math.ceil(needed)), high: Math.min(4, Math.max(SIZE.sigmaB2, this.sigmaB2)) };
  }

  grab(event) {
    if (event.button !== 0) return;
    this.before = [this.sigmaW2, this.sigmaB2];
    // A finger beside the point may be about to scroll: it counts when it is lifted without having done so.
    this.tapped = event.pointerType === "touch" && !this.handle.contains(event.target);
    if (this.tapped) return;
    this.dragged = true;
    this.svg.setPointerCapture(event.pointerId);
    this.handle.focus({ preventScroll: true });
    event.preventDefault();
    this.drag(event);
  }

  release(event) {
    if (this.tapped) this.drag(event);
    this.tapped = this.dragged = false;
  }

  /** The browser has taken the finger away, for a gesture of its own: all is as before. */
  cancel() {
    const { dragged, before } = this;
    this.tapped = this.dragged = false;
    if (dragged) this.move(...before);
  }

  drag(event) {
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(this.svg.getScreenCTM().inverse());
    const share = (value, place, high) => (value - place(0)) / (place(high) - place(0));
    const { wide, high } = this.limits;
    this.move(wide * share(at.x, this.place.x, wide), high * share(at.y, this.place.y, high));
  }

  key(event) {
    const step = KEYS[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation(); // the book turns its pages with the arrows
    const size = event.shiftKey ? 10 * STEP : STEP;
    this.move(this.sigmaW2 + size * step[0], this.sigmaB2 + size * step[1]);
  }

  move(sigmaW2, sigmaB2) {
    const within = (value, low, high) => Number(Math.min(high, Math.max(low, value)).toFixed(2));
    const [w, b] = [within(sigmaW2, 0.01, this.limits.wide), within(sigmaB2, 0, this.limits.high)];
    this.show(this.points, w, b); // at once: the next key comes before the next numbers do
    this.moved(w, b);
  }
}
