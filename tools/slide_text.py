"""The chapters' Markdown as HTML without links and directives, and sentences to cut it at."""

import functools
import html
import math
import re

from markdown_it import MarkdownIt
from mdit_py_plugins.colon_fence import colon_fence_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.myst_blocks import myst_block_plugin
from mdit_py_plugins.myst_role import myst_role_plugin

# What looks like the end of a sentence and is none: in a formula, in code, behind "et al.", or in
# brackets, but for their own end.
WHOLE = re.compile(r"\$[^$]+\$|`[^`]+`|\b(?:al|e\.g|i\.e|cf|vs)\.")
BRACKETS = re.compile(r"\([^()]{2,}\)")
END = re.compile(r"[.?!:][\"”)*_]*(?=\s+[\"“(*_]*[A-Z\d{$`xµ])")


def sentences(text):
    r"""Split a paragraph.

    Examples
    --------
    >>> sentences("Is $v = 1. X$ right? See {eq}`chi`, *et al. (5)*. Then:")
    ['Is $v = 1. X$ right?', 'See {eq}`chi`, *et al. (5)*.', 'Then:']
    >>> sentences("One. (Two. Three.) Four (five. Six).")
    ['One.', '(Two. Three.)', 'Four (five. Six).']
    """
    text = " ".join(text.split())
    hidden = WHOLE.sub(lambda match: "x" * len(match[0]), text)
    hidden = BRACKETS.sub(lambda match: "x" * (len(match[0]) - 2) + match[0][-2:], hidden)
    cuts = [0, *(match.end() for match in END.finditer(hidden)), len(text)]
    return [text[a:b].strip() for a, b in zip(cuts, cuts[1:], strict=False)]


def words(text):
    r"""Count words, a formula as one.

    Examples
    --------
    >>> words(r"It is $\frac{1}{2} n v$ here")
    4
    """
    return len(re.sub(r"\$[^$]+\$", "x", text).split())


def clip(text, most):
    r"""Keep whole paragraphs, and of the first one at least a sentence, up to a number of words.

    Examples
    --------
    >>> clip("One two. Three four. Five?", 4)
    'One two. Three four.'
    >>> clip("One two.\n\n- three", 4)
    'One two.\n\n- three'
    """
    first, *others = re.split(r"\n\s*\n", text.strip())
    if words(first) > most:
        kept = sentences(first)
        while len(kept) > 1 and words(" ".join(kept)) > most:
            kept.pop()
        return " ".join(kept)
    while others and words(" ".join([first, *others])) > most:
        others.pop()
    return "\n\n".join([first, *others])


def broken(formula):
    r"""Break a row of three formulas or more, or a long conclusion, into two rows.

    Examples
    --------
    >>> print(broken(r"a \qquad b \qquad c = d + e"))
    \begin{gathered}a \qquad b \\[0.6em] c = d + e\end{gathered}
    """
    arrow = re.search(r"\\quad\s*\\(Longrightarrow|Rightarrow|implies)\b", formula)
    gaps = [match.start() for match in re.finditer(r"\\qquad", formula)]
    if len(gaps) > 1:
        at = min(gaps, key=lambda place: abs(place - len(formula) / 2))
    elif arrow and len(formula) > 90:
        at = arrow.start()
    else:
        return formula
    if r"\begin" in formula:
        return formula
    rest = re.sub(r"^\\q?quad", "", formula[at:])
    return rf"\begin{{gathered}}{formula[:at]}\\[0.6em]{rest}\end{{gathered}}"


def portions(points, most):
    r"""Share out a list of points evenly, in portions of about as many words as fit.

    Examples
    --------
    >>> portions("- one two\n- three four\n- five six\n- seven eight", 9)
    ['- one two\n- three four', '- five six\n- seven eight']
    """
    points = re.split(r"\n(?=[-*] )", points.strip())
    total = sum(map(words, points))
    share = total / max(1, math.ceil(total / most))
    shared, so_far = [[]], 0
    for point in points:
        if shared[-1] and so_far + words(point) / 2 > share * len(shared):
            shared.append([])
        shared[-1].append(point)
        so_far += words(point)
    return ["\n".join(portion) for portion in shared]


@functools.cache
def parser():
    r"""Return the parser of the chapters' Markdown.

    Formulas come out as MathJax expects them. Links come out as their text, references to
    equations as their number (``env["equations"]``), other roles as their text.

    Examples
    --------
    >>> parser().renderInline(r"By {eq}`a`, [$x<1$](b.ipynb)", {"equations": {"a": 3}})
    'By (3), <span class="math">\\(x&lt;1\\)</span>'
    """
    made = MarkdownIt("commonmark", {"html": False}).enable("table")
    for plugin in (dollarmath_plugin, colon_fence_plugin, myst_block_plugin, myst_role_plugin):
        made.use(plugin)
    nothing = ("link_open", "link_close", "fence", "colon_fence", "code_block", "html_block")
    for name in (*nothing, "html_inline", "myst_target", "myst_line_comment", "myst_block_break"):
        made.add_render_rule(name, _nothing)
    for name in ("math_inline", "math_inline_double", "math_block", "math_block_label"):
        made.add_render_rule(name, _formula)
    made.add_render_rule(
        "image", lambda self, tokens, index, *_: html.escape(tokens[index].content)
    )
    made.add_render_rule("myst_role", _role)
    return made


def _nothing(self, tokens, index, options, env):
    return ""


def _formula(self, tokens, index, options, env):
    token = tokens[index]
    left, right = (r"\(", r"\)") if token.type == "math_inline" else (r"\[", r"\]")
    return f'<span class="math">{left}{html.escape(token.content.strip())}{right}</span>'


def _role(self, tokens, index, options, env):
    name, content = tokens[index].meta["name"], tokens[index].content
    if name == "eq":
        number = env.get("equations", {}).get(content)
        return f"({number})" if number else ""
    return html.escape(re.sub(r"\s*<[^<>]*>$", "", content))
