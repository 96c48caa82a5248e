"""Names and roles: what the theme and its extensions leave unsaid to a screen reader."""

NO_NAME = "row"  # of a column that only numbers or names the rows


def name_toggles(page, path):
    """Let each toggle be called by what it opens; make hints toggles that need no script."""
    for summary in page.select("summary[aria-label]"):
        del summary["aria-label"]  # "Toggle hidden content", on all of them
    for box in page.select("div.admonition.dropdown"):
        title = box.find(class_="admonition-title")
        box.name, title.name = "details", "summary"
        box["class"] = [name for name in box["class"] if name not in ("dropdown", "toggle")] + [
            "opens"
        ]


def name_buttons(page, path):
    """Let the search button be called as it reads, and the logo stand in a landmark."""
    for button in page.select(".search-button-field[aria-label]"):
        del button["aria-label"]
    logo = page.select_one(".sidebar-primary-item:has(> .navbar-brand)")
    if logo:
        logo["role"], logo["aria-label"] = "navigation", "First page"


def name_download(page, path):
    """Let the button that downloads a notebook do so, and not open it as text in a new tab."""
    for link in page.select("a.btn-download-source-button[href]"):
        link["download"] = ""
        del link["target"]


def name_citations(page, path):
    """Let the list of references consist of items."""
    for citation in page.select("[role=list] > [role=doc-biblioentry]"):
        citation["role"] = "listitem"


def name_headers(page, path):
    """Give each header of a table its text and its direction."""
    for table in page.select("article table:has(thead)"):
        _join_index_names(table)
        for cell in table.select("thead th"):
            cell["scope"] = "col"
            if not cell.get_text(strip=True):
                _name_empty(page, cell)
        rows = table.select("tbody tr")
        if rows and all(_is_bold(row.find(["td", "th"])) for row in rows):
            for row in rows:
                row.find(["td", "th"]).name = "th"
        for cell in table.select("tbody th"):
            cell["scope"] = "row"


def _join_index_names(table):
    """Move the name of pandas' index from a row of its own into the empty corner above it."""
    rows = table.thead.find_all("tr", recursive=False)
    if len(rows) < 2:
        return
    names, above = rows[-1].find_all("th"), rows[-2].find_all("th")
    named = [i for i, cell in enumerate(names) if cell.get_text(strip=True)]
    if not named or len(names) != len(above):
        return
    if any(above[i].get_text(strip=True) or above[i].get("colspan") for i in named):
        return
    for i in named:
        above[i].replace_with(names[i].extract())
    rows[-1].decompose()


def _name_empty(page, cell):
    if cell.find_previous_sibling("th"):
        cell.name = "td"
        del cell["scope"]
    else:
        cell.clear()
        hidden = page.new_tag("span", attrs={"class": "visually-hidden"})
        hidden.string = NO_NAME
        cell.append(hidden)


def _is_bold(cell):
    if cell is None or cell.strong is None:
        return False
    return cell.get_text(strip=True) == cell.strong.get_text(strip=True)


MENDS = [name_toggles, name_buttons, name_download, name_citations, name_headers]
