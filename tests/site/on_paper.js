// Complaints about a page as it would be printed.
() => {
  const found = [], article = document.querySelector(".bd-article");
  const light = (colour) => {
    const [r, g, b, a = 1] = colour.match(/[\d.]+/g).map(Number);
    return a === 0 ? 1 : (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255;
  };
  const shown = (element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const said = (element) => `${element.tagName} ${element.textContent.trim().slice(0, 40)}`;
  const walker = document.createTreeWalker(article, NodeFilter.SHOW_TEXT);
  const parents = new Set();
  while (walker.nextNode()) if (walker.currentNode.textContent.trim()) parents.add(walker.currentNode.parentElement);
  for (const element of parents) {
    if (element.closest("svg, script, style, summary, mjx-assistive-mml, .headerlink")) continue;
    if (shown(element) && light(getComputedStyle(element).color) > 0.45) found.push(`pale: ${said(element)}`);
  }
  for (const element of [document.body, ...article.querySelectorAll("pre, div.highlight, .admonition, td")])
    if (light(getComputedStyle(element).backgroundColor) < 0.9) found.push(`dark ground: ${said(element)}`);
  const onPaper = (element) => !element.closest(".lab-preset"); // there is nothing to move there
  const folded = article.querySelectorAll("details > :not(summary), .admonition.dropdown > :not(button), .sd-tab-content");
  for (const element of [...folded].filter(onPaper))
    if (!shown(element) || !element.getClientRects().length) found.push(`closed: ${said(element)}`);
  for (const element of article.querySelectorAll("pre"))
    if (shown(element) && element.scrollWidth > element.clientWidth + 1) found.push(`cut: ${said(element)}`);
  for (const element of article.querySelectorAll("img, figure.captioned, .claim"))
    if (getComputedStyle(element).breakInside !== "avoid") found.push(`cut between sheets: ${said(element)}`);
  for (const element of document.querySelectorAll(".bd-sidebar-primary, .prev-next-area, .copybtn"))
    if (shown(element)) found.push(`of the screen: ${element.className}`);
  return found;
};
