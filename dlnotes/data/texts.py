"""Readers of the text sets behind ``dlnotes.data``, which is where they are used from."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from dlnotes.checks import check_choice
from dlnotes.data import files

SPLITS = ("train", "validation", "train+validation", "test")
LANGUAGES = ("digits", "en", "de", "fr")

Item = TypeVar("Item")


@dataclass(frozen=True)
class Address:
    """A State of the Union address: one line of text without paragraphs."""

    year: int
    president: str
    party: str
    text: str


@dataclass(frozen=True)
class Chapter:
    """A chapter of a novel, paragraph by paragraph."""

    book: str
    title: str
    paragraphs: list[str]


@dataclass(frozen=True)
class Verse:
    """A Bible verse in English and Spanish.

    Each token has the Strong numbers of the Hebrew or Greek words that it translates, a tuple that
    is empty for punctuation and additions. Tokens of the two sides which share a number translate
    the same word: an alignment to hold attention maps against. The English numbers of function
    words are unreliable; count content words.
    """

    id: str
    english: list[str]
    spanish: list[str]
    english_strong: list[tuple[str, ...]]
    spanish_strong: list[tuple[str, ...]]


def cmudict(split: str = "train") -> list[tuple[str, list[list[str]]]]:
    """Return English words and their pronunciations, from the CMU Pronouncing Dictionary.

    The words (2 to 16 letters a to z) are ordered by their sha256, which is as good as shuffled
    and the same everywhere: the first 3,000 are "test", the next 3,000 "validation", the other
    111,366 "train". Inflected forms ("walk", "walked") may therefore fall into different splits.

    Args:
        split: "train", "validation", "train+validation" or "test".

    Returns:
        (word, pronunciations) pairs; a pronunciation is a list of ARPAbet phones such as "AE1",
        vowels with their stress 0, 1 or 2. 7,739 words have more than one, all of them right.
    """
    words = dict(line.split("\t", maxsplit=1) for line in _lines("cmudict.tsv.xz"))
    chosen = _cut(_by_hash(words), split, held_out=3_000)
    return [(word, [phones.split(" ") for phones in words[word].split("\t")]) for word in chosen]


def names(split: str = "train") -> list[tuple[str, str]]:
    """Return English first names with the gender that the list gives them.

    Ordered by the sha256 of the name in small letters; the first 840 are "test", the next 840
    "validation", the other 6,723 "train". The gender is "female", "male", or "both" for the 419
    names that stand in both lists: leave these out of a task with two classes. It is a convention
    of these lists, English-speaking and binary; it says nothing about a person.

    Args:
        split: "train", "validation", "train+validation" or "test".
    """
    pairs = [tuple(line.split("\t")) for line in _lines("names.tsv.xz")[1:]]
    by_name = {name.lower(): (name, gender) for name, gender in pairs}
    return [by_name[name] for name in _cut(_by_hash(by_name), split, held_out=840)]


def numbers_in_words(
    split: str = "train", *, source: str = "en", target: str = "de"
) -> list[tuple[str, str]]:
    """Return the numbers 0 to 9,999 written in two languages: a translation task without noise.

    Ordered by the sha256 of the digits: the first 1,000 are "test", the next 1,000 "validation",
    the other 8,000 "train".

    Args:
        split: "train", "validation", "train+validation" or "test".
        source: "digits", "en", "de" or "fr".
        target: likewise.

    Returns:
        (source, target) pairs, ("twenty-one", "einundzwanzig") among them.
    """
    check_choice(LANGUAGES, source=source)
    check_choice(LANGUAGES, target=target)
    columns = LANGUAGES.index(source), LANGUAGES.index(target)
    rows = {row[0]: row for row in (line.split("\t") for line in _lines("numbers_en_de_fr.tsv.xz"))}
    chosen = _cut(_by_hash(rows), split, held_out=1_000)
    return [(rows[number][columns[0]], rows[number][columns[1]]) for number in chosen]


def state_of_the_union(split: str = "train") -> list[Address]:
    """Return the yearly addresses of the presidents of the United States, 1790 to 2021, in order.

    Whole addresses are held out, never sentences, because the sentences of one address share
    subjects, names and phrases: of every ten consecutive addresses the fifth is "validation" and
    the tenth "test" (23 each), so that both reach through all times; 187 are "train".

    Args:
        split: "train", "validation", "train+validation" or "test".
    """
    check_choice(SPLITS, split=split)
    rows = (line.split("\t") for line in _lines("sotu.tsv.xz")[1:])
    addresses = [Address(int(year), *others) for year, *others in rows]
    return [
        address
        for position, address in enumerate(addresses)
        if {4: "validation", 9: "test"}.get(position % 10, "train") in split.split("+")
    ]


def austen(split: str = "train") -> list[Chapter]:
    """Return the chapters of Jane Austen's six novels, in order.

    Of each novel the last twentieth of the chapters (rounded) is "test", the twentieth before it
    "validation", the rest "train": 13, 13 and 243 chapters in all.

    Args:
        split: "train", "validation", "train+validation" or "test".
    """
    return _chapters("austen.txt.xz", "", split)


def moby_dick(split: str = "train") -> list[Chapter]:
    """Return the 135 chapters and the epilogue of Herman Melville's "Moby Dick", in order.

    The last 7 are "test", the 7 before them "validation", the first 122 "train".

    Args:
        split: "train", "validation", "train+validation" or "test".
    """
    return _chapters("moby_dick.txt.xz", "Moby Dick", split)


def verses(split: str = "train") -> list[Verse]:
    """Return 11,376 Bible verses in English and Spanish, at most 24 tokens a side, in order.

    English from the World English Bible, as tokens and selected; Spanish from the Reina-Valera of
    1909. Whole chapters are held out: the 60 whose names have the smallest sha256 are "test", the
    next 60 "validation" (471 and 532 verses; 10,373 are "train"). Parallel passages of different
    books may still be almost equal.

    Args:
        split: "train", "validation", "train+validation" or "test".
    """
    rows = [line.split("\t") for line in _lines("verses_en_es.tsv.xz")]
    chapters = _by_hash({row[0].rpartition(".")[0] for row in rows})
    chosen = set(_cut(chapters, split, held_out=60))
    return [_verse(*row) for row in rows if row[0].rpartition(".")[0] in chosen]


def sentences(text: str) -> list[str]:
    """Split English text at full stops, question and exclamation marks, by a rule of thumb.

    A sentence ends at such a mark, with closing quotes, before white space and a capital letter or
    digit; not after a title ("Mr.") or a single letter ("U.S."). The sentences, joined by
    single spaces, are the text with its white space made single.
    """
    if not isinstance(text, str):
        raise TypeError(f"text must be a string, got {type(text).__name__}")
    text = " ".join(text.split())
    found, start = [], 0
    for end in _SENTENCE_END.finditer(text):
        if not _ABBREVIATION.search(text, start, end.start() + 1):
            found.append(text[start : end.end() - 1])
            start = end.end()
    return found + ([text[start:]] if text[start:] else [])


_SENTENCE_END = re.compile(r"""[.!?]+["')\]]* (?=["'(\[]*[A-Z0-9])""")
_ABBREVIATION = re.compile(
    r"\b([A-Za-z]|Mr|Mrs|Ms|Messrs|Dr|St|Gen|Col|Capt|Lieut|Hon|Rev|Jr|Sr|No|Nos|vs|viz|etc)\.$"
)


def _lines(name: str) -> list[str]:
    return files.read(name).decode("utf-8").removesuffix("\n").split("\n")


def _by_hash(keys: Iterable[str]) -> list[str]:
    """Order by sha256: like a shuffle, but the same on every machine and for every seed."""
    return sorted(keys, key=lambda key: hashlib.sha256(key.encode("utf-8")).digest())


def _cut(items: Sequence[Item], split: str, *, held_out: int) -> list[Item]:
    """Return one split: the first ``held_out`` items are test, as many after them validation."""
    check_choice(SPLITS, split=split)
    parts = {"test": items[:held_out], "validation": items[held_out : 2 * held_out]}
    parts["train"] = items[2 * held_out :]
    return [item for part in split.split("+") for item in parts[part]]


def _chapters(file: str, book: str, split: str) -> list[Chapter]:
    """Read "## book", "# chapter" and paragraph lines, and cut each book by position."""
    check_choice(SPLITS, split=split)
    books: dict[str, list[Chapter]] = {book: []} if book else {}
    for line in _lines(file):
        if line.startswith("## "):
            book = line[3:]
            books[book] = []
        elif line.startswith("# "):
            title = re.sub(r"(?<=^Chapter )\w+", lambda number: number[0].upper(), line[2:])
            books[book].append(Chapter(book, title, []))  # "Chapter Iv" in the file
        else:
            books[book][-1].paragraphs.append(line)
    chosen = []
    for chapters in books.values():
        backwards = range(len(chapters))[::-1]  # the end of the book is the test set
        kept = _cut(backwards, split, held_out=round(len(chapters) / 20))
        chosen += [chapters[position] for position in sorted(kept)]
    return chosen


def _verse(id: str, english: str, spanish: str, english_strong: str, spanish_strong: str) -> Verse:
    def numbers(tags: str) -> list[tuple[str, ...]]:
        return [() if tag == "-" else tuple(tag.split("+")) for tag in tags.split(" ")]

    return Verse(
        id,
        english.split(" "),
        spanish.split(" "),
        numbers(english_strong),
        numbers(spanish_strong),
    )
