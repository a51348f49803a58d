"""dlnotes.data.texts: written out again, every set is its file; splits never overlap."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.common import PARTS, lines, raw, sha256
from dlnotes import data

SIZES = {
    "cmudict": (111_366, 3_000, 3_000),
    "names": (6_723, 840, 840),
    "numbers_in_words": (8_000, 1_000, 1_000),
    "state_of_the_union": (187, 23, 23),
    "austen": (243, 13, 13),
    "moby_dick": (122, 7, 7),
    "verses": (10_373, 532, 471),
}


@pytest.mark.parametrize("name", SIZES)
def test_text_splits_have_their_documented_sizes_and_never_overlap(texts, name):
    parts = texts[name]
    assert tuple(len(parts[part]) for part in PARTS) == SIZES[name]
    items = [repr(item) for part in PARTS for item in parts[part]]
    assert len(set(items)) == sum(SIZES[name])


@pytest.mark.parametrize("read", [data.names, data.moby_dick, data.numbers_in_words])
def test_train_and_validation_together_are_their_union(texts, read):
    both = [repr(item) for item in read("train+validation")]
    parts = texts[read.__name__]
    assert sorted(both) == sorted(map(repr, parts["train"] + parts["validation"]))


def test_cmudict_written_out_again_is_the_file(texts):
    words = dict(item for part in PARTS for item in texts["cmudict"][part])
    variants = {word: [" ".join(phones) for phones in found] for word, found in words.items()}
    text = "".join("\t".join([word, *variants[word]]) + "\n" for word in sorted(words))
    assert text.encode() == raw("cmudict.tsv.xz")
    assert sum(map(len, variants.values())) == 125_714
    assert sum(len(found) > 1 for found in variants.values()) == 7_739


def test_cmudict_holds_out_the_words_with_the_smallest_sha256(texts):
    parts = [[sha256(word.encode()) for word, _ in texts["cmudict"][part]] for part in PARTS]
    train, validation, test = parts
    assert max(test) < min(validation) and max(validation) < min(train)
    assert all(part == sorted(part) for part in parts)


def test_names_written_out_again_are_the_file_and_differ_beyond_capitals(texts):
    pairs = [pair for part in PARTS for pair in texts["names"][part]]
    assert sorted("\t".join(pair) for pair in pairs) == lines("names.tsv.xz")[1:]
    assert len({name.lower() for name, _ in pairs}) == len(pairs)
    assert sum(gender == "both" for _, gender in pairs) == 419
    digests = [
        [sha256(name.lower().encode()) for name, _ in texts["names"][part]] for part in PARTS
    ]
    assert max(digests[2]) < min(digests[1]) and max(digests[1]) < min(digests[0])


def test_numbers_are_in_words_of_the_languages_asked_for():
    pairs = {"digits": "digits", "en": "de"}
    found = {
        (source, target): dict(
            pair
            for part in PARTS
            for pair in data.numbers_in_words(part, source=source, target=target)
        )
        for source, target in (*pairs.items(), ("digits", "fr"), ("digits", "en"))
    }
    assert set(found["digits", "digits"]) == {str(number) for number in range(10_000)}
    assert found["en", "de"]["twenty-one"] == "einundzwanzig"
    assert found["digits", "fr"]["80"] == "quatre-vingts"
    assert found["digits", "en"]["1234"] == "one thousand two hundred and thirty-four"
    with pytest.raises(ValueError, match="target must be one of 'digits', 'en', 'de', 'fr', got"):
        data.numbers_in_words(target="es")
    with pytest.raises(ValueError, match="source must be one of"):
        data.numbers_in_words(source="Deutsch")


def test_addresses_written_out_again_are_the_file(texts):
    addresses = sorted(
        (a for part in PARTS for a in texts["state_of_the_union"][part]),
        key=lambda a: (a.year, a.president),
    )
    rows = [f"{a.year}\t{a.president}\t{a.party}\t{a.text}" for a in addresses]
    assert rows == lines("sotu.tsv.xz")[1:]


def test_held_out_addresses_reach_through_all_times(texts):
    for part in ("validation", "test"):
        years = np.array([address.year for address in texts["state_of_the_union"][part]])
        assert (np.diff(years) > 0).all() and np.diff(years).max() <= 11
        assert years[0] < 1800 and years[-1] > 2010


@pytest.mark.parametrize(("name", "file"), [("austen", "austen"), ("moby_dick", "moby_dick")])
def test_novels_written_out_again_are_the_file(texts, name, file):
    books = dict.fromkeys(chapter.book for chapter in texts[name]["train"])
    found = []
    for book in books:
        found += [f"## {book}"] if name == "austen" else []
        for part in PARTS:  # by position: the end of the book comes last
            for chapter in texts[name][part]:
                if chapter.book == book:
                    found += [f"# {chapter.title}", *chapter.paragraphs]
    assert [line.lower() for line in found] == [line.lower() for line in lines(f"{file}.txt.xz")]
    assert len(books) == (6 if name == "austen" else 1)


def test_chapters_have_proper_titles(texts):
    titles = {chapter.title for part in PARTS for chapter in texts["austen"][part]}
    assert "Chapter XVIII" in titles and "Chapter 61" in titles
    assert texts["moby_dick"]["train"][0].title == "CHAPTER 1. Loomings."
    assert texts["moby_dick"]["train"][0].paragraphs[0].startswith("Call me Ishmael.")


def test_every_novel_keeps_its_last_chapters_for_the_test(texts):
    for part in ("validation", "test"):
        assert len({chapter.book for chapter in texts["austen"][part]}) == 6


def test_verses_written_out_again_are_the_file(texts):
    def tags(numbers):
        return " ".join("+".join(found) or "-" for found in numbers)

    rows = {}
    for verse in (verse for part in PARTS for verse in texts["verses"][part]):
        sides = [" ".join(verse.english), " ".join(verse.spanish)]
        sides += [tags(verse.english_strong), tags(verse.spanish_strong)]
        rows[verse.id] = "\t".join([verse.id, *sides])
        assert len(verse.english) == len(verse.english_strong) <= 24
        assert len(verse.spanish) == len(verse.spanish_strong) <= 24
    assert [rows[line.split("\t")[0]] for line in lines("verses_en_es.tsv.xz")] == lines(
        "verses_en_es.tsv.xz"
    )


def test_verses_of_one_chapter_stay_together(texts):
    chapters = [{v.id.rsplit(".", 1)[0] for v in texts["verses"][part]} for part in PARTS]
    assert sum(map(len, chapters)) == len(set().union(*chapters)) == 1_077
    assert len(chapters[1]) == len(chapters[2]) == 60


def test_strong_numbers_align_the_first_verse(texts):
    verse = next(v for part in PARTS for v in texts["verses"][part] if v.id == "Gen.1.1")
    heavens, cielos = verse.english.index("heavens"), verse.spanish.index("cielos")
    assert verse.english_strong[heavens] == verse.spanish_strong[cielos] == ("H8064",)
    assert verse.english_strong[verse.english.index(",")] == ()


@pytest.mark.parametrize(
    "found",
    [
        ["He came.", "She saw!", "Who won?", "42 did."],
        ["Mr. Darcy met Dr. No in the U. S. Senate.", "They left."],
        ['"Stop!"', '"Why?"', "(He did.)", "Then no more"],
        ["Prices rose 3.5 percent, i.e. fast; e.g. bread."],
        ["It was he. who spoke so."],
        [],
    ],
)
def test_sentences_end_where_a_reader_ends_them(found):
    assert data.sentences("  ".join(found)) == found


@given(st.text("aB.!? \"')(\n1", max_size=40))
def test_sentences_lose_nothing(text):
    found = data.sentences(text)
    assert " ".join(found) == " ".join(text.split())
    assert all(sentence == sentence.strip() != "" for sentence in found)


def test_sentences_wants_a_text():
    with pytest.raises(TypeError, match="text must be a string, got list"):
        data.sentences(["One."])


def test_sentences_of_the_addresses_are_as_many_as_counted_before(texts):
    count = sum(
        len(data.sentences(address.text))
        for part in PARTS
        for address in texts["state_of_the_union"][part]
    )
    assert count == pytest.approx(62_732, rel=0.01)  # another splitter's count
