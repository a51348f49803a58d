"""dlnotes.recipes.baselines: alignments against enumeration, tables against counting."""

import itertools
import random
from collections import Counter

import pytest
import torch
import torch.nn.functional as F

from dlnotes.recipes.baselines import BEGIN, END, AlignmentTables, JointCounts
from dlnotes.text import Vocabulary

WORDS = {"cab": "K A B", "bad": "B A D", "cake": "K A K", "bake": "B A K", "axe": "A K S"}
WORDS |= {"tax": "T A K S", "lake": "L A K", "cat": "K A T", "bat": "B A T", "lab": "L A B"}


def toy_pairs(words):
    letters = Vocabulary("abcdeklstx", unknown=False)
    phones = Vocabulary(["A", "B", "D", "E", "K", "L", "S", "T"], unknown=False)
    source, lengths = letters.batch(list(words))
    target, _ = phones.batch([p.split() for p in words.values()], begin=True, end=True)
    return letters, phones, source, lengths, target


def test_alignment_finds_silent_letters_and_letters_of_two_phones():
    rule = dict(zip("abcdeklstx", "A B K D - K L S T KS".split(), strict=True))
    rule["e"] = ""
    generator = random.Random(0)
    spelled = {
        "".join(generator.choices(list(rule), k=generator.randint(2, 7))) for _ in range(300)
    }
    words = {word: " ".join("".join(rule[letter] for letter in word)) for word in sorted(spelled)}
    words = {word: sounds for word, sounds in words.items() if sounds}
    letters, phones, source, lengths, target = toy_pairs(words)
    tables = AlignmentTables(source, lengths, target)
    right = [
        row[:n].tolist() == [len(rule[letter]) for letter in word]
        for word, row, n in zip(words, tables.sizes, lengths, strict=True)
    ]
    assert sum(right) > 0.95 * len(words)
    assert tables.possible.all()
    asked, n = letters.batch(["tab", "x", "ace"])
    written = [phones.decode(row) for row in tables.pronounce(asked, n)]
    assert written == [["T", "A", "B"], ["K", "S"], ["A", "K"]]


def test_at_first_every_letter_is_silent_a_fifth_as_often_as_it_sounds():
    _, _, source, lengths, target = toy_pairs({"cab": "K A B", "cake": "K A K"})
    tables = AlignmentTables(source, lengths, target)
    phones = target[:, 1:]
    counts = tables._first_counts(source, lengths, phones, (phones > 2).sum(1))
    seen = counts[:, 1:].sum(1)
    assert seen.sum() == 7  # each letter with one phone, at the same share of its word
    torch.testing.assert_close(counts[:, 0], 0.2 * seen)


def test_alignments_are_the_best_of_all_there_are():
    _, _, source, lengths, target = toy_pairs(WORDS)
    tables = AlignmentTables(source, lengths, target, rounds=1)
    phones = target[:, 1:]
    written = (phones > 2).sum(1)
    counts = tables._first_counts(source, lengths, phones, written)
    log_p = ((counts + 0.01).log() - (counts.sum(1, keepdim=True) + 1).log()).double()
    for i, n in enumerate(lengths.tolist()):
        y = phones[i, : written[i]].tolist()
        best = []
        for sizes in itertools.product(range(3), repeat=n):
            if sum(sizes) != len(y):
                continue
            place, score = 0, 0.0
            for letter, size in zip(source[i].tolist(), sizes, strict=False):
                piece = 0
                for phone in y[place : place + size]:
                    piece = piece * tables.num_phones + phone
                score, place = score + log_p[letter, piece].item(), place + size
            best.append((score, sizes))
        (first, sizes), (second, _) = sorted(best, reverse=True)[:2]
        if first - second > 1e-4:  # no tie
            assert tables.sizes[i, :n].tolist() == list(sizes)


def test_wider_surroundings_overrule_and_narrower_ones_help_out():
    words = {"cab": "K A B", "cat": "K A T", "cel": "S E L", "cet": "S E T", "cec": "S E K"}
    letters, phones, source, lengths, target = toy_pairs(words)
    asked, n = letters.batch(["ce", "ca", "ct"])
    alone = AlignmentTables(source, lengths, target, radius=0)
    wide = AlignmentTables(source, lengths, target, radius=1)
    assert [phones.decode(r) for r in alone.pronounce(asked, n)][:2] == [["S", "E"], ["S", "A"]]
    assert wide.pronounce(asked, n, radius=0) == alone.pronounce(asked, n)
    with pytest.raises(ValueError, match="radius must be one of 0, 1, got 2"):
        wide.pronounce(asked, n, radius=2)
    found = [phones.decode(r) for r in wide.pronounce(asked, n)]
    assert found == [["S", "E"], ["K", "A"], ["S", "T"]]  # "ct" was never seen: c alone
    for radius, table in enumerate(wide.tables):
        contexts = wide._contexts(source, lengths, radius)
        inside = torch.arange(source.shape[1]) < lengths[:, None]
        pieces = wide._pieces(wide.sizes, target[:, 1:])
        counted = {}
        for context, piece in zip(contexts[inside].tolist(), pieces[inside].tolist(), strict=True):
            counted.setdefault(context, Counter())[piece] += 1
        assert table[0].tolist() == sorted(counted)
        for context, piece in zip(*(t.tolist() for t in table), strict=True):
            assert counted[context][piece] == max(counted[context].values())


def test_words_that_cannot_be_aligned_are_left_out_and_padding_does_not_matter():
    words = WORDS | {"b": "A A A"}  # one letter cannot stand for three phones
    _, _, source, lengths, target = toy_pairs(words)
    tables = AlignmentTables(source, lengths, target, radius=1)
    assert tables.possible.tolist() == [True] * len(WORDS) + [False]
    _, _, *plain = toy_pairs(WORDS)
    expected = AlignmentTables(*plain, radius=1, rounds=9)
    for i, n in enumerate(lengths.tolist()):
        source[i, n:] = 5
    again = AlignmentTables(source, lengths, F.pad(target, (0, 2)), radius=1, rounds=9)
    assert torch.equal(again.sizes[:-1], expected.sizes)
    torch.testing.assert_close(again.tables, expected.tables)
    with pytest.raises(ValueError, match="radius must be at least 0, got -1"):
        AlignmentTables(source, lengths, target, radius=-1)
    with pytest.raises(ValueError, match="rounds must be at least 1"):
        AlignmentTables(source, lengths, target, rounds=0)
    with pytest.raises(ValueError, match="lengths must have shape"):
        AlignmentTables(source, lengths[:2], target)
    with pytest.raises(ValueError, match="target must have shape"):
        AlignmentTables(source, lengths, target[:2])
    with pytest.raises(ValueError, match=r"source must have shape \(N, S\)"):
        AlignmentTables(source[0], lengths, target)
    with pytest.raises(ValueError, match="lengths must have shape"):
        tables.pronounce(source, lengths[:2])


# ---- pairs of a letter and its phones -----------------------------------------------------------

CUT = [
    [("c", ("K",)), ("a", ("A",)), ("t", ("T",))],
    [("a", ("A",)), ("c", ("S",)), ("e", ())],
    [("a", ("A",)), ("x", ("K", "S"))],
    [("t", ("T",)), ("a", ("A",)), ("x", ("K", "S"))],
]


@pytest.mark.parametrize("n", [1, 2, 3])
def test_probabilities_of_pairs_sum_to_one_after_each_context(n):
    counts = JointCounts(CUT, n)
    pairs = sorted({pair for word in CUT for pair in word} | {END})
    contexts = {tuple(([BEGIN] * n + word)[k : k + n - 1]) for word in CUT for k in range(4)}
    for context in contexts | {(("x", ("Z",)),) * (n - 1)}:  # the last was never seen
        assert sum(counts.probabilities(context, pairs)) == pytest.approx(1)


def test_discounted_counts_fall_back_on_kinds_of_pairs():
    counts = JointCounts(CUT, 2, discount=0.5)
    a, x = ("a", ("A",)), ("x", ("K", "S"))
    kinds = {(b, p) for word in CUT for b, p in itertools.pairwise([BEGIN, *word, END])}
    ending = sum(p == x for _, p in kinds)
    lower = (ending - 0.5) / len(kinds) + 0.5 * len({p for _, p in kinds}) / len(kinds) / 7
    expected = (2 - 0.5) / 4 + 0.5 * 3 / 4 * lower  # a is followed by t, c, x and x
    assert counts.probabilities((a,), [x]) == [pytest.approx(expected)]


def test_pairs_pronounce_by_what_stands_before():
    counts = JointCounts(CUT, 3)
    assert counts.pronounce("cat") == ["K", "A", "T"]
    assert counts.pronounce("ace") == ["A", "S"]
    assert counts.pronounce("cax") == ["K", "A", "K", "S"]
    assert counts.pronounce("q") == []  # a letter that was never seen
    with pytest.raises(ValueError, match="beam must be at least 1"):
        counts.pronounce("cat", beam=0)
    with pytest.raises(ValueError, match="n must be at least 1"):
        JointCounts(CUT, 0)
