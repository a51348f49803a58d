"""How a chapter in parts teaches, as far as a program can see it.

Chapters without parts are older and have limits of their own (text, opening, slides).
"""

import re
import statistics
from collections.abc import Iterator

from dlnotes.course import notebooks
from notebooks.changes import set_metadata
from notebooks.page import Page
from notebooks.rule import CHAPTERS, Faults, rule

FEWEST_CELLS, FEWEST_WORDS = 80, 5000
MOST_MARKS = 1.5  # colons and semicolons in 100 words
MOST_WORDS_OF_A_SENTENCE = 22  # on average
MEDIAN_LINES = 8  # of code in a cell
LONGEST_PART = 50  # minutes of speaker notes


@rule(CHAPTERS, broken_by=[set_metadata("## The idea", part="A")])
def taught(page: Page) -> Faults:
    """Enough room, short sentences, few colons, small cells, captions, parts of one lecture."""
    if not page.in_parts:
        return
    yield from _prose(page)
    yield from _code(page)
    for part, minutes in _minutes(page):
        if not 0 < minutes <= LONGEST_PART:
            yield f"part {part}: {minutes:g} min of speaker notes, at most {LONGEST_PART}"


def _prose(page: Page) -> Faults:
    cells = len(page.notebook.cells)
    text = plain("\n".join(cell.source for _, cell in page.prose))
    words = len(re.findall(r"[A-Za-z']+", text))
    if cells < FEWEST_CELLS or words < FEWEST_WORDS:
        yield f"{cells} cells and {words} words, at least {FEWEST_CELLS} and {FEWEST_WORDS}"
    marks = 100 * len(re.findall(r"[A-Za-z)x\]*][:;]", text)) / max(words, 1)
    if marks > MOST_MARKS:
        yield f"{marks:.1f} colons and semicolons in 100 words, at most {MOST_MARKS}"
    sentences = [s for s in re.split(r"[.!?](?:\s|$)|\n\n", text) if len(s.split()) > 2]
    if words > MOST_WORDS_OF_A_SENTENCE * max(len(sentences), 1):
        yield f"{words / len(sentences):.1f} words a sentence, at most {MOST_WORDS_OF_A_SENTENCE}"


def plain(markdown: str) -> str:
    """Return prose without formulas, code, links, tags and tables."""
    text = re.sub(
        r"\$\$.*?\$\$|\$[^$]*\$|```.*?```|`[^`]*`|\]\([^)]*\)|<[^>]+>", " x ", markdown, flags=re.S
    )
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("|"))


def _code(page: Page) -> Faults:
    lines = []
    for number, cell in page.code:
        tags = set(notebooks.tags(cell))
        if not tags & {"setup", "parameters"}:
            lines.append(len([line for line in cell.source.splitlines() if line.strip()]))
        shown = cell.source.count("plotting.show(")
        if cell.source.count("caption=") < shown:
            yield f"cell {number}: a figure without a caption"
        asks = any(tag.split(":")[0] == "exercise" for tag in tags)
        if asks and not cell.source.startswith("# "):
            yield f"cell {number}: an exercise begins with its question, in lines of comment"
    if statistics.median(lines) > MEDIAN_LINES:
        yield f"half of the code cells are above {statistics.median(lines):g} lines"


def _minutes(page: Page) -> Iterator[tuple[str, float]]:
    """Yield each part and the minutes that its speaker notes name."""
    part, total = "", 0.0
    for cell in page.notebook.cells:
        if "part" in cell.metadata:
            if part:
                yield part, total
            part, total = cell.metadata["part"], 0.0
        found = re.findall(r"(\d+(?:\.\d+)?) ?min", cell.metadata.get("speaker_notes", ""))
        total += float(found[-1]) if found else 0.0
    yield part, total
