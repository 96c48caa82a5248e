"""Which numbers of an executed notebook come from stored rows, so that other seeds change nothing.

The names of a notebook are followed from statement to statement. What cannot be told counts as
stored: too many numbers rather than too few.
"""

import ast
import copy
from symtable import symtable

BLOCKS = (ast.For, ast.While, ast.If, ast.With, ast.Try)
PARTS = (ast.Subscript, ast.Attribute)


def stored_rows(notebook):
    """Say of each code cell which stored rows its evidence uses, directly or through other cells.

    Parameters
    ----------
    notebook : dict
        Executed, so that a cell which reads stored rows says so in its outputs.

    Returns
    -------
    dict of int to list of list of str
        For each code cell the names of the files in ``chapters/results``: a list for each piece of
        evidence, in the order of the cell, or for the whole cell where it has none.
    """
    flow, rests_on = _Flow(), {}
    for index, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] != "code":
            continue
        metadata = [output.get("metadata", {}) for output in cell["outputs"]]
        own = {m["weightinit_stored"] for m in metadata if "weightinit_stored" in m}
        statements = ast.parse("".join(cell["source"])).body
        whole = flow.through(statements, own)
        pieces = [own | flow.behind(piece) for piece in _evidence(statements)]
        rests_on[index] = [sorted(files) for files in pieces or [whole]]
    return rests_on


def _evidence(statements):
    """Return what `claim` is given as evidence; nothing where it is a list of unknown length."""
    claims = [s.value for s in statements if isinstance(s, ast.Expr) and _calls(s.value, "claim")]
    pieces = [piece for claim in claims for piece in claim.args[1:]]
    return [] if any(isinstance(piece, ast.Starred) for piece in pieces) else pieces


def _calls(node, function):
    return isinstance(node, ast.Call) and getattr(node.func, "id", None) == function


class _Flow:
    """The files behind each name, at one place of the notebook."""

    def __init__(self):
        self.files = {}  # behind the value of each name
        self.uses = {}  # the names that a function uses when it is called
        self.imported = set()

    def behind(self, node):
        """Return the files behind an expression, or a statement without others in it."""
        waiting, seen = list(_used(node)), set()
        for name in waiting:
            if name not in seen:
                seen.add(name)
                waiting += self.uses.get(name, ())
        return {file for name in seen for file in self.files.get(name, ())}

    def through(self, statements, own, certain=True):
        """Follow statements behind which are the files `own`; return all that they use."""
        whole = set(own)
        for statement in statements:
            if isinstance(statement, BLOCKS):
                whole |= self._through_block(statement, own, certain)
                continue
            files = own | self.behind(statement)
            whole |= files
            self._make(_assigned(statement), files, certain)
            self._make(_changed(statement), files, certain=False)
            if isinstance(statement, ast.FunctionDef | ast.ClassDef):
                self.uses[statement.name] = _used(statement)
            if isinstance(statement, ast.Import | ast.ImportFrom):
                self.imported |= _assigned(statement)
        return whole

    def _through_block(self, statement, own, certain):
        parts = list(ast.iter_child_nodes(statement))
        for handler in [part for part in parts if isinstance(part, ast.ExceptHandler)]:
            parts += handler.body
        inner = [part for part in parts if isinstance(part, ast.stmt)]
        # What decides a block, or is gone through by it, is behind all that the block makes.
        head = [part for part in parts if not isinstance(part, ast.stmt | ast.ExceptHandler)]
        taken = [getattr(part, "context_expr", part) for part in head]  # of with, before `as`
        files = own.union(*map(self.behind, taken))
        stored = (n for part in head for n in ast.walk(part) if isinstance(n, ast.Name))
        self._make({n.id for n in stored if isinstance(n.ctx, ast.Store)}, files, certain)
        certain = certain and isinstance(statement, ast.For | ast.With)
        # The second time through a loop sees what the first has made.
        return files.union(*(self.through(inner, files, certain) for _ in range(2)))

    def _make(self, names, files, certain):
        for name in names - self.imported:
            self.files[name] = files if certain else files | self.files.get(name, set())
            if certain:
                self.uses.pop(name, None)


def _used(node):
    """Return the names that a piece of code takes from elsewhere, also within its functions."""
    tables = [_names(node)]
    for table in tables:  # those of functions in functions come behind
        tables += table.get_children()
    inner = {s.get_name() for t in tables[1:] for s in t.get_symbols() if s.is_global()}
    return {s.get_name() for s in tables[0].get_symbols() if s.is_referenced()} | inner


def _names(node):
    return symtable(ast.unparse(_Generators().visit(copy.deepcopy(node))), "cell", "exec")


class _Generators(ast.NodeTransformer):
    """Turns comprehensions into generators: in Python 3.13 names of the others are outer ones."""

    def visit_ListComp(self, node):
        self.generic_visit(node)
        return ast.GeneratorExp(node.elt, node.generators)

    visit_SetComp = visit_ListComp

    def visit_DictComp(self, node):
        self.generic_visit(node)
        return ast.GeneratorExp(ast.Tuple([node.key, node.value], ast.Load()), node.generators)


def _assigned(statement):
    return {
        s.get_name() for s in _names(statement).get_symbols() if s.is_assigned() or s.is_imported()
    }


def _changed(statement):
    """Return the names whose parts change, as in ``table["x"] = 1`` and ``rows.append(1)``."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):  # not before it is called
        return set()
    parts = [
        n for n in ast.walk(statement) if isinstance(n, PARTS) and isinstance(n.ctx, ast.Store)
    ]
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        parts.append(statement.value.func)
    names = set()
    for part in parts:
        while isinstance(part, PARTS):
            part = part.value
            names |= {part.id} if isinstance(part, ast.Name) else set()
    return names
