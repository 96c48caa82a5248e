// A box that scrolls sideways can be reached with the Tab key and scrolled with the arrow keys, and says what it is.
// A box that does not scroll is no stop.
document.addEventListener("DOMContentLoaded", () => {
  const kinds = [
    ["div.math .formula", "Formula"],
    [".pst-scrollable-table-container", "Table"],
    ["div.cell_output > .output.text_html", "Table"],
  ];
  const boxes = kinds.flatMap(([selector, kind]) =>
    [...document.querySelectorAll(selector)].map((box, i) => [box, `${kind} ${i + 1} of this page, scrolls sideways`])
  );
  function update() {
    for (const [box, name] of boxes) {
      // As the theme does, which makes some of them stops and gives them no name.
      const scrolls =
        box.scrollWidth > box.clientWidth ||
        (box.scrollHeight > box.clientHeight && !box.matches(".formula"));
      if (scrolls === (box.getAttribute("role") === "region")) continue;
      if (scrolls) {
        box.tabIndex = 0;
        box.setAttribute("role", "region");
        box.setAttribute("aria-label", name);
      } else {
        for (const attribute of ["tabindex", "role", "aria-label"]) box.removeAttribute(attribute);
      }
    }
  }
  update();
  document.fonts.ready.then(update);
  addEventListener("resize", update);
  addEventListener("load", () => setTimeout(update)); // the theme makes stops of its own
});
