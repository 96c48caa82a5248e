"""Folded code: neighbours that go by one name open as one."""

FOLD = "details.hide.above-input"


def join_folds(page, path):
    """Put cells that are folded under the same name, one after the other, behind one button."""
    for cell in page.select("article div.cell"):
        if cell.parent is None:
            continue  # has been joined to the one before it
        while following := _same(cell):
            fold = following.select_one(f":scope > {FOLD}").extract()
            fold.summary.decompose()
            cell.select_one(f":scope > {FOLD}").extend(list(fold.contents))
            cell.extend(list(following.contents))
            following.extract()


def _same(cell):
    """Return the next cell if it is folded under the name of this one, which shows nothing else."""
    parts = [part for part in cell.contents if part.name]
    following = cell.find_next_sibling()
    if len(parts) != 1 or not _name(cell) or following is None:
        return None
    return following if _name(following) == _name(cell) else None


def _name(cell):
    summary = cell.select_one(f":scope > {FOLD} > summary")
    return summary and summary.get_text(strip=True)


MENDS = [join_folds]
