// Complaints about what does not fit on a screen, or is too small there.
() => {
  const found = [], article = document.querySelector(".bd-article");
  const wide = document.documentElement.scrollWidth - innerWidth;
  if (wide > 0) found.push(`the page is ${wide} px too wide`);
  if (innerWidth >= 1280)
    for (const pre of article.querySelectorAll("pre"))
      if (pre.checkVisibility() && pre.scrollWidth > pre.clientWidth + 1)
        found.push(`code is cut: ${pre.textContent.slice(0, 40)}`);
  for (const table of article.querySelectorAll("table")) {
    let around = table;
    while (around !== article && !/auto|scroll/.test(getComputedStyle(around).overflowX)) around = around.parentElement;
    if (around === article && table.getBoundingClientRect().right > article.getBoundingClientRect().right + 1)
      found.push(`a table is cut: ${table.textContent.slice(0, 40)}`);
  }
  for (const text of article.querySelectorAll("figure > svg text, figure > svg tspan")) {
    const svg = text.closest("figure > svg");
    const size = parseFloat(getComputedStyle(text).fontSize) * svg.clientWidth / svg.viewBox.baseVal.width;
    if (size < 9) found.push(`text of ${size} px in a drawing: ${text.textContent}`);
    const [box, frame] = [text.getBoundingClientRect(), svg.getBoundingClientRect()];
    if (box.left < frame.left - 1 || box.right > frame.right + 1) found.push(`text beyond its drawing: ${text.textContent}`);
  }
  return found;
};
