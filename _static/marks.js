// Marks what a search has found, in the section that it leads to. Escape takes the marks away.
function markWords(root, words) {
  if (!root || !words.length) return;
  const escaped = words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const pattern = new RegExp(`(?<![\\p{L}\\d])(${escaped.join("|")})(?![\\p{L}\\d])`, "giu");
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT, (node) =>
    node.parentElement.closest("script, style, math, svg, button, mark") ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT
  );
  const texts = [];
  while (walker.nextNode()) texts.push(walker.currentNode);
  for (const text of texts) {
    const parts = text.data.split(pattern);
    if (parts.length < 2) continue;
    const pieces = parts.map((part, i) =>
      i % 2 ? Object.assign(document.createElement("mark"), { className: "found", textContent: part }) : part
    );
    text.replaceWith(...pieces.filter((piece) => piece !== ""));
  }
}

document.addEventListener("DOMContentLoaded", () => {
  const words = (new URLSearchParams(location.search).get("highlight") || "").split(/\s+/).filter(Boolean);
  if (!words.length) return;
  const article = document.querySelector("article");
  const place = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  markWords(article && article.contains(place) ? place : article, words);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    document.querySelectorAll("article mark.found").forEach((mark) => mark.replaceWith(mark.textContent));
  });
});
