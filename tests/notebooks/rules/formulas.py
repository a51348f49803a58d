"""Formulas that every front end sets: JupyterLab, Colab, the slides and the site."""

import re

from course_notebooks import markdown

from notebooks.changes import add
from notebooks.page import Page
from notebooks.rule import EVERYWHERE, Faults, rule

_CODE = re.compile(r"(?ms)^ *```.*?^ *```|`[^`\n]*`")


@rule(
    EVERYWHERE,
    broken_by=[
        add(markdown("words\n$$y$$")),
        add(markdown("1. words: $$y$$")),
        add(markdown("$$y$$\nwords")),
        add(markdown("$$y$$ words")),
        add(markdown("$$y$$\n$$z$$")),
        add(markdown("$$\ny\n$$ words")),
        add(markdown("words $$\ny\n$$")),
        add(markdown("words\n\n$$\ny")),
    ],
    kept_by=[
        add(markdown("1. words\n\n   $$y$$\n\n   words\n\n$$\ny\n$$\n\n$$\\begin{a}\ny\\end{a}$$")),
        add(markdown("`$$y$$` words\n\n```\nwords $$\n```")),
    ],
)
def display_formulas(page: Page) -> Faults:
    """``$$`` opens a line after a blank one and closes a line before a blank one."""
    for number, cell in page.prose:
        text = _CODE.sub("", cell.source)
        pieces = text.split("$$")
        if len(pieces) % 2 == 0:
            yield f"cell {number}: a $$ is not closed"
        last = len(pieces) - 1
        for i in range(0, len(pieces), 2):
            alone = not pieces[i].strip() and i in (0, last)
            after = alone or i == 0 or re.match(r" *\n *\n", pieces[i])
            before = alone or i == last or re.search(r"\n *\n *$", pieces[i])
            if not (after and before):
                where = pieces[i].strip()[-40:] or "another formula"
                yield f"cell {number}: $$ must stand alone between blank lines, see {where!r}"
