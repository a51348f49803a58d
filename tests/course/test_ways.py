"""dlnotes.course.ways: the tables of the start page say what the table of chapters says."""

import json

import pytest

from dlnotes import course
from dlnotes.course import notebooks, ways


def rows(table):
    head, line, *rest = table.splitlines()
    assert head.count("|") == line.count("|")
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rest]


def test_every_chapter_has_a_row_and_a_link_if_it_is_written():
    found = rows(ways.chapters_table())
    assert len(found) == len(course.CHAPTERS) - 1
    for chapter, (title, objective, minutes, promise) in zip(
        course.CHAPTERS[1:], found, strict=True
    ):
        assert (chapter.file in title) == chapter.built and chapter.title in title
        assert ("planned" in title) != chapter.built
        assert (objective, promise) == (chapter.objective, chapter.promise)
        assert minutes == str(chapter.read_minutes)


@pytest.mark.parametrize("name", ways.WAYS)
def test_a_way_keeps_the_order_and_its_time_is_that_of_its_chapters(name):
    numbers = ways.WAYS[name]
    assert list(numbers) == sorted(numbers)
    [row] = [row for row in rows(ways.ways_table()) if row[0] == name]
    written = [course.CHAPTERS[n] for n in numbers if course.CHAPTERS[n].built]
    minutes = sum(chapter.read_minutes for chapter in written)
    assert row[1] == ", ".join(str(chapter.number) for chapter in written)
    assert int(row[2]) == round(minutes / 60)
    assert (int(row[3]) - 1) * ways.EVENING < minutes <= int(row[3]) * ways.EVENING


def test_what_a_way_skips_is_told():
    skipped = {row[0]: row[4] for row in rows(ways.ways_table())}
    assert skipped == {"everything": "15", "images, for a weekend": "15", "language": "5"}


# what the start page says in words: (chapter, record, which of its numbers, of a hundred)
TOLD = [
    ("02_cnn", "mnist_lenet", "value", 99),
    ("02_cnn", "mnist_lenet", "baseline", 92),
    ("03_rnn", "cups_after_1000", "value", 100),
    ("03_rnn", "cups_after_1000", "baseline", 34),
    ("06_seq2seq", "g2p_shipped_wer", "value", 100 - 68),
    ("06_seq2seq", "g2p_shipped_wer", "baseline", 100 - 61),
    ("08_word2vec", "shipped_precision_at_5", "value", 42),
    ("08_word2vec", "shipped_precision_at_5", "baseline", 49),
    ("16_vae", "denoising_error", "value", 3.5),
    ("16_vae", "denoising_error", "baseline", 3.0),
]


@pytest.mark.parametrize(("chapter", "record", "which", "hundredths"), TOLD)
def test_results_on_the_start_page_are_those_of_the_chapters(chapter, record, which, hundredths):
    stored = json.loads((course.notebooks_folder() / "results.json").read_text("utf-8"))
    number = 100 * stored[chapter]["records"][record][which]
    assert number == pytest.approx(hundredths, abs=0.7 if hundredths > 10 else 0.05)


def test_the_start_page_tells_the_hours_of_what_is_written():
    cells = notebooks.read(course.CHAPTERS[0].path).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    assert f"about {ways.hours(course.built()[1:]):.0f} hours together" in text
    assert len(course.built()) == 10 and "the nine that are written" in text
