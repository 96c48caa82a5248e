// The table of all claims: filters by chapter and verdict, and sorting by column. Without this script the table is
// read as it stands.
document.addEventListener("DOMContentLoaded", () => {
  const table = document.querySelector(".all-claims table");
  if (!table) return;
  const rows = [...table.tBodies[0].rows];
  const text = (row, column) => row.cells[column].textContent.trim();
  const values = {
    Chapter: (row) => text(row, 0).split(".")[0],
    Verdict: (row) => row.querySelector(".verdict").lastChild.textContent.trim(), // without its sign
  };

  const form = document.createElement("form");
  form.className = "claims-filters";
  const selects = Object.entries(values).map(([name, value]) => {
    const label = document.createElement("label");
    const select = document.createElement("select");
    select.add(new Option("All", ""));
    for (const found of new Set(rows.map(value))) select.add(new Option(found, found));
    select.addEventListener("change", filter);
    label.append(`${name} `, select);
    form.append(label);
    return [select, value];
  });
  const status = document.createElement("p");
  status.setAttribute("role", "status"); // is read out when it changes
  form.append(status);
  form.addEventListener("submit", (event) => event.preventDefault());
  table.closest(".all-claims").prepend(form);

  function filter() {
    for (const row of rows) {
      row.hidden = selects.some(([select, value]) => select.value && select.value !== value(row));
    }
    status.textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length} claims`;
  }

  const { compare } = new Intl.Collator("en", { numeric: true }); // 1.10 comes after 1.9
  const heads = [...table.tHead.rows[0].cells];
  heads.slice(0, -1).forEach((head, column) => {
    const key = column === 1 ? values.Verdict : (row) => text(row, column);
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      // Equal rows keep the order of the book.
      const sorted = rows.slice().sort((a, b) => (down ? -1 : 1) * compare(key(a), key(b)));
      table.tBodies[0].append(...sorted);
    });
  });
  filter();
});
