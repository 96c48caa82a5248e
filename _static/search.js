// Searches the sections that tools/site_search.py has listed. Works from disk as well: no request, only scripts.
const MARKED = 3; // letters: to mark shorter words would mark half of the page

// Words that say nothing about what is asked.
const SILENT = new Set(
  "a an and are as at be by can do does for from how i in is it my of on or should the to vs versus what when which why with".split(" "),
);

// "warm-up" is also found as "warmup", "initialisation" as "initialization", "networks" as "network".
const normal = (term) =>
  term
    .replace(/^initiali[sz](e|ed|er|ers|ing|ation|ations)$/, "initialize")
    .replace(/is(e|ed|es|ing|ation|ations)$/, "iz$1")
    .replace(/(our)(s?)$/, "or$2")
    .replace(/([^s])s$/, "$1")
    .replace(/([a-z]{4})ing$/, "$1")
    .replace(/([a-z]{4})ly$/, "$1");

function processTerm(term) {
  const plain = term.toLowerCase().replace(/^[-.'_]+|[-.'_]+$/g, "");
  if (!plain || SILENT.has(plain)) return null;
  const parts = plain.split("-");
  if (/^starts?$/.test(plain)) return ["start", "initialize"]; // the book's own word for it
  return parts.length > 1 ? [...new Set([parts.join(""), ...parts])].filter(Boolean).map(normal) : normal(plain);
}

const tokenize = (text) => text.split(/[\s,;:!?()[\]{}"“”‘’|=<>/*+·×→]+/);

function makeIndex(sections) {
  const index = new MiniSearch({
    fields: ["title", "also", "page", "text"],
    storeFields: ["address", "page", "title", "text", "said"],
    tokenize,
    processTerm,
  });
  index.addAll(sections);
  return index;
}

function find(index, query) {
  const options = {
    boost: { title: 4, also: 2, page: 1.5 },
    prefix: (term) => term.length > 2 && !/\d/.test(term),
    fuzzy: (term) => (term.length > 5 && !/\d/.test(term) ? 0.2 : false),
    weights: { fuzzy: 0.2, prefix: 0.6 },
    // The lists of papers and claims, and the plan for instructors, repeat what the chapters say.
    boostDocument: (id, term, stored) =>
      /^(references|teaching\/lessons|appendix\/(claims|numbers))/.test(stored.address) ? 0.3 : 1,
  };
  const all = index.search(query, { ...options, combineWith: "AND" });
  if (all.length > 2) return all;
  const seen = new Set(all.map((result) => result.id));
  const any = index.search(query, { ...options, combineWith: "OR" });
  return [...all, ...any.filter((result) => !seen.has(result.id))];
}

// The words of a section, as it writes them, that a query has found.
function found(result) {
  const terms = new Set(Object.keys(result.match));
  const forms = (term) => [processTerm(term) ?? []].flat();
  const words = tokenize(`${result.title} ${result.text}`)
    .map((word) => word.toLowerCase().replace(/^[-.'’_]+|[-.'’_]+$/g, ""))
    .filter((word) => forms(word).some((form) => terms.has(form)));
  const said = Object.entries(result.said).filter(([word]) => forms(word).some((form) => terms.has(form)));
  const meant = said.flatMap(([, text]) => tokenize(text.toLowerCase()));
  return [...new Set([...words, ...meant])].filter((word) => word.length >= MARKED);
}

// The sentence or two around the first matched word.
function excerpt(text, words, length = 220) {
  const places = words.map((word) => text.toLowerCase().indexOf(word)).filter((place) => place >= 0);
  const first = places.length ? Math.min(...places) : 0;
  if (first < length / 2) return text.length > length ? `${text.slice(0, text.lastIndexOf(" ", length))} …` : text;
  const sentence = text.lastIndexOf(". ", first);
  const start = first - sentence < length / 2 ? sentence + 2 : text.indexOf(" ", first - length / 3) + 1;
  const end = start + length < text.length ? text.lastIndexOf(" ", start + length) : text.length;
  return `… ${text.slice(start, end)}${end < text.length ? " …" : ""}`;
}

function show(result) {
  const words = found(result);
  const [page, place] = result.address.split("#");
  const item = document.createElement("li");
  const link = document.createElement("a");
  const root = document.documentElement.dataset.content_root || "./";
  const asked = words.length ? `?highlight=${encodeURIComponent(words.join(" "))}` : "";
  link.href = `${root}${page}${asked}${place ? `#${place}` : ""}`;
  link.textContent = result.title;
  item.append(link);
  if (result.title !== result.page) {
    item.append(Object.assign(document.createElement("span"), { className: "search-page", textContent: result.page }));
  }
  const text = document.createElement("p");
  text.textContent = excerpt(result.text, words);
  item.append(text);
  markWords(item, words);
  return item;
}

document.addEventListener("DOMContentLoaded", () => {
  const output = document.getElementById("search-results");
  if (!output) return;
  const query = (new URLSearchParams(location.search).get("q") || "").trim();
  const status = document.createElement("p");
  status.setAttribute("role", "status");
  const list = document.createElement("ol");
  list.className = "search-list";
  output.replaceChildren(status, list);
  document.querySelectorAll("form.bd-search").forEach((form) => {
    form.action = location.pathname;
    form.querySelector("input").value = query;
  });
  if (!query) return;
  const results = find(makeIndex(window.BOOK_SECTIONS), query);
  status.textContent = results.length
    ? `${results.length} ${results.length === 1 ? "place" : "places"} for “${query}”`
    : `Nothing found for “${query}”. Try a single word, or the page “Notation and glossary”.`;
  list.append(...results.slice(0, 40).map(show));
});
