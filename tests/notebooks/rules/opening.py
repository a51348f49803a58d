"""How a notebook begins: title, set-up, parameters, and soon the idea."""

import re

from course_notebooks import code, markdown

from dlnotes.course import notebooks
from dlnotes.course.sources import address, bootstrap
from notebooks.changes import add, drop, edit, set_metadata
from notebooks.page import Page
from notebooks.rule import CHAPTERS, PAGES, Faults, rule

MOST_CODE_BEFORE_IDEA = 20


@rule(
    PAGES,
    broken_by=[
        edit("# 02", "# 02", "Chapter\n# 02"),
        add(markdown("# Another title")),
        edit("# 02", "colab.research.google.com/github/", "colab.com/github/x/"),
        edit("# 02", "02_cnn.ipynb", "03_rnn.ipynb"),
        edit("# 02", "45 min", "a while"),
    ],
)
def title(page: Page) -> Faults:
    """One title, in the first cell, with a promise, a badge and the time it takes."""
    first = page.notebook.cells[0]
    if first.cell_type != "markdown" or not first.source.startswith("# "):
        yield "the first cell must begin with the title"
        return
    if len([level for _, level, _ in page.headings if level == 1]) != 1:
        yield "there must be exactly one heading of level 1"
    slug = "/".join(address().split("/")[-2:])
    if f"colab.research.google.com/github/{slug}/" not in first.source:
        yield "the first cell must have the Colab badge of this repository"
    if page.path.name not in first.source:
        yield "the badges must open this notebook"
    if not re.search(r"\d+ min", first.source):
        yield 'the first cell must say how long it takes: "30 min"'


@rule(
    PAGES,
    broken_by=[
        edit("profile", "seed = 0", "seed = 1"),
        edit("profile", "seed = 0", "seed = 0\nlearning_rate = 1"),
        edit("dlnotes.begin", "dlnotes.begin(profile, seed)", "x = 1"),
        set_metadata("profile", tags=[]),
        add(code("first = 1"), at=2),
    ],
)
def opening(page: Page) -> Faults:
    """Set-up, parameters, begin: in this order, each in its fixed words."""
    cells = [cell for _, cell in page.code]
    kinds = ["setup" if "setup" in notebooks.tags(cell) else "" for cell in cells[:1]]
    if kinds != ["setup"] or not cells[0].source.startswith(bootstrap()):
        yield "the first code cell must be tagged setup and begin with the course's bootstrap"
    if len(cells) < 3 or "parameters" not in notebooks.tags(cells[1]):
        yield "the second code cell must be tagged parameters"
        return
    lines = [re.sub(r" *#.*", "", line) for line in cells[1].source.splitlines()]
    if [line for line in lines if line] != ["profile = dlnotes.profile()", "seed = 0"]:
        yield "the parameters cell must hold profile = dlnotes.profile() and seed = 0"
    if not cells[2].source.startswith("dlnotes.begin(profile, seed)"):
        yield "the cell after the parameters must begin with dlnotes.begin(profile, seed)"


@rule(CHAPTERS, broken_by=[drop("You will")])
def goals(page: Page) -> Faults:
    """The reader learns early what he will be able to do."""
    early = "\n".join(cell.source for number, cell in page.prose if number <= 5)
    if not re.search(r"(?i)you (will be able to|can)\b", early):
        yield 'one of the first five cells must say "you will be able to"'


@rule(
    CHAPTERS,
    broken_by=[
        edit("dlnotes.begin", '"full"', '"large"'),
        edit("dlnotes.begin", "settings", "options"),
        add(code("settings = {1: 2}")),
    ],
)
def settings(page: Page) -> Faults:
    """One cell says what the profiles mean."""
    if page.in_parts:
        return  # rules/teaching.py has its measure
    cells = [cell.source for _, cell in page.code if "settings = {" in cell.source]
    if len(cells) != 1:
        yield f"{len(cells)} cells set settings = {{...}}[profile], must be one"
    for profile in ("smoke", "standard", "full"):
        if cells and not re.search(rf'settings = \{{.*"{profile}":', cells[0], re.DOTALL):
            yield f"settings lack the profile {profile}"


@rule(CHAPTERS, broken_by=[add(code("\n".join(f"x{i} = 1" for i in range(18))), at=5)])
def first_idea(page: Page) -> Faults:
    """The first section begins before the 20th line of code; the fixed opening does not count."""
    started = [number for number, level, _ in page.headings if level == 2]
    fixed = {"setup", "parameters"}
    lines = 0
    for number, cell in page.code:
        if started and number > started[0]:
            break
        if not fixed & set(notebooks.tags(cell)):
            lines += len([line for line in cell.source.splitlines() if line.strip()])
    if not started or lines >= MOST_CODE_BEFORE_IDEA:
        yield f"{lines} lines of code before the first section, fewer than {MOST_CODE_BEFORE_IDEA}"
