"""Tables of the start page: the chapters, and ways through those that are written."""

from math import ceil

from dlnotes.course import CHAPTERS, Chapter, built

EVENING = 120  # minutes
WAYS = {  # name -> chapters in the order of reading
    "everything": tuple(chapter.number for chapter in CHAPTERS[1:]),
    "images, for a weekend": (1, 2, 16),
    "language": (1, 2, 3, 4, 6, 7, 8),
}


def hours(chapters: list[Chapter]) -> float:
    """Return the time that it takes to read some chapters."""
    return sum(chapter.read_minutes for chapter in chapters) / 60


def chapters_table() -> str:
    """Return all chapters as a table in Markdown."""
    rows = ["| chapter | objective | minutes to read | what you do |", "|---|---|---|---|"]
    for chapter in CHAPTERS[1:]:
        title = f"{chapter.number} · {chapter.title}"
        title = f"[{title}]({chapter.file})" if chapter.built else f"{title} *(planned)*"
        minutes = f"{chapter.read_minutes}"
        rows.append(f"| {title} | {chapter.objective} | {minutes} | {chapter.promise} |")
    return "\n".join(rows)


def ways_table() -> str:
    """Return the ways as a table: what is written of each, how long it takes, what it skips."""
    rows = ["| way | written chapters | hours | evenings of two hours | needed, but not read |"]
    rows.append("|---|---|---|---|---|")
    for name, numbers in WAYS.items():
        written = [chapter for chapter in built() if chapter.number in numbers]
        read = {chapter.number for chapter in written}
        skipped = {first for chapter in written for first in chapter.needs} - read
        evenings = ceil(hours(written) * 60 / EVENING)
        row = (
            name,
            ", ".join(str(chapter.number) for chapter in written),
            f"{hours(written):.0f}",
            str(evenings),
            ", ".join(map(str, sorted(skipped))) or "none",
        )
        rows.append(f"| {' | '.join(row)} |")
    return "\n".join(rows)
