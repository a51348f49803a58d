"""dlnotes.course.ways: the tables of the start page say what the table of chapters says."""

import pytest

from dlnotes import course
from dlnotes.course import ways


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
