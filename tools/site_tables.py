"""Tables of the site as people set them, where pandas prints them as a program would."""

import re

# What a column of numbers may hold besides numbers.
BESIDES = {"", "-", "–", "none", "never", "nan", "inf"}
NUMBER = re.compile(r"[-−+]?[\d.,]+(e[-+]?\d+|\s*·\s*10[-−]?\d+)?\s*%?(\s\*)?")
TEXT = "text"  # the class of what is set from the left
DATA = "article table.dataframe"


def drop_counters(page, path):
    """Take away an index that only counts the rows from 0."""
    for table in page.select(DATA):
        rows = [row.find_all("th", recursive=False) for row in table.select("tbody tr")]
        heads = table.select("thead tr")
        corner = heads[0].find("th") if len(heads) == 1 else None
        counts = [[str(number)] for number in range(len(rows))]
        if corner is None or corner.get_text(strip=True):
            continue
        if rows and [[cell.get_text(strip=True) for cell in row] for row in rows] == counts:
            for cell in [corner, *(row[0] for row in rows)]:
                cell.decompose()


def head_columns(page, path):
    """Write what the columns are above them, and what the rows are beside that.

    pandas writes the name of the columns into the corner, and that of the rows below it, into a
    row of its own.
    """
    for table in page.select(DATA):
        rows = table.select("thead tr")
        if len(rows) != 2:
            continue
        above, below = (row.find_all("th", recursive=False) for row in rows)
        names = [cell for cell in below if cell.get_text(strip=True)]
        depth = len(names)
        if not names or len(above) != len(below) or names != below[:depth]:
            continue
        title = above[depth - 1].get_text(strip=True)
        if not title or any(cell.get_text(strip=True) for cell in above[: depth - 1]):
            continue
        head = page.new_tag("tr")
        for cell in names:
            cell["rowspan"] = "2"
            head.append(cell.extract())
        over = page.new_tag("th", attrs={"colspan": str(len(above) - depth), "class": "over"})
        over.string = title
        head.append(over)
        for cell in above[:depth]:
            cell.decompose()
        rows[1].decompose()
        rows[0].insert_before(head)


def align_columns(page, path):
    """Mark what is read and not compared, which is set from the left."""
    for table in page.select(DATA):
        body = table.select("tbody tr")
        if not body or table.select("tbody [colspan]"):
            continue
        widths = [len(row.find_all(["th", "td"], recursive=False)) for row in body]
        side = max(len(row.find_all("th", recursive=False)) for row in body)
        columns = [
            [row.find_all("td", recursive=False)[at].get_text(strip=True) for row in body]
            for at in range(max(widths) - side)
        ]
        textual = [side + at for at, cells in enumerate(columns) if _is_text(cells)]
        for row in body:
            cells = row.find_all("td", recursive=False)
            for at in textual:
                _mark(cells[at - side])
        head = table.select("thead tr")
        named = head[0] if head[0].select("th[rowspan]") else head[-1]
        named_cells = named.find_all(["th", "td"], recursive=False)
        for cell in named_cells[:side]:
            _mark(cell)
        if len(head) == 1 and len(named_cells) == max(widths):
            for at in textual:
                _mark(named_cells[at])


def _is_text(cells):
    found = [cell for cell in cells if cell.lower() not in BESIDES]
    return bool(found) and sum(bool(NUMBER.fullmatch(cell)) for cell in found) < len(found) / 2


def _mark(cell):
    classes = cell.get("class", [])
    if TEXT not in classes:
        cell["class"] = [*classes, TEXT]


MENDS = [drop_counters, head_columns]  # before the headers get their names
AFTER = [align_columns]  # when each cell is what it stays
