// The controls: native inputs with labels, one for each setting.

import { SETTINGS, fromSlider, inSpaces, sliderRange, toSlider } from "./settings.js";
import { inWords } from "./words.js";

/** A new HTML element with properties, and children in it. */
export function html(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

const withIndex = (text) =>
  text.split(/(_[wb])/).map((part) => (part.startsWith("_") ? html("sub", {}, part.slice(1)) : part));

/** A button that does something. */
export function makeButton(text, act) {
  const made = html("button", { type: "button", textContent: text });
  made.addEventListener("click", act);
  return made;
}

const COPY = "Copy the address";
const READ = 2000; // milliseconds in which "Copied" can be read

/** A button that copies an address, and a field to copy it from by hand where the browser refuses. */
export function makeCopy() {
  const field = html("input", { className: "lab-address", readOnly: true, hidden: true });
  field.setAttribute("aria-label", "Address of this experiment");
  const button = makeButton(COPY, async () => {
    try {
      await navigator.clipboard.writeText(field.value);
      button.style.minWidth = `${button.offsetWidth}px`; // of the longer text: nothing beside it moves
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = COPY), READ);
    } catch {
      field.hidden = false;
      field.select();
    }
  });
  return { button, field, show: (address) => (field.value = address) };
}

/** A control; `changed(value)` is called at each move. `show(value)` sets it; a slider that others set says `byWhat`. */
export function makeControl(name, changed) {
  const setting = SETTINGS[name];
  if (setting.choices) {
    const select = html("select");
    for (const choice of setting.choices) select.add(new Option(inSpaces(choice), choice));
    select.addEventListener("change", () => changed(select.value));
    const label = html("label", { className: "lab-control" }, html("span", {}, setting.label), select);
    return { label, input: select, show: (value) => (select.value = value) };
  }
  const slider = html("input", { type: "range", ...sliderRange(setting) });
  // Not an <output>: a label would belong to it instead of the slider. A screen reader hears the slider's own text.
  const output = html("span", { className: "lab-value", ariaHidden: "true" });
  const note = html("span", { className: "lab-by" });
  const show = (value, byWhat = "") => {
    slider.hidden = slider.disabled = byWhat !== "";
    note.hidden = byWhat === "";
    note.textContent = byWhat;
    slider.value = toSlider(setting, value);
    output.textContent = setting.log ? inWordsLong(value) : String(value);
    slider.setAttribute("aria-valuetext", output.textContent);
  };
  slider.addEventListener("input", () => changed(fromSlider(setting, Number(slider.value))));
  // A finger that scrolls the page may begin on a slider, and has moved it before the browser knows.
  let before = null;
  slider.addEventListener("pointerdown", () => (before = slider.value));
  slider.addEventListener("pointercancel", () => {
    if (slider.value !== before) changed(fromSlider(setting, Number(before)));
  });
  slider.addEventListener("keydown", (event) => {
    if (event.key.startsWith("Arrow")) event.stopPropagation(); // the book turns its pages with the arrows
  });
  const caption = html("span", {}, ...withIndex(setting.label), " ", output);
  const label = html("label", { className: "lab-control" }, caption, slider, note);
  return { label, input: slider, show };
}

const inWordsLong = (value) => (value >= 0.001 ? String(Number(value.toPrecision(3))) : inWords(value));
