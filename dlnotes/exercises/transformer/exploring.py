"""The last steps of the ladder of chapter 7: an experiment, and something to break."""

import math
from collections.abc import Sequence
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlnotes import data
from dlnotes.exercises import exercise, expect, expect_parts, expect_runs, kind
from dlnotes.training import fit
from dlnotes.transformer import positional_encoding

LETTERS, LONGEST, NOBODY = 26, 8, 26
SOUNDS = ("K", "S", "CH")

# ---- experiment --------------------------------------------------------------------------------


class _Reader(nn.Module):
    """The head of section 12; the first letter asks."""

    def __init__(self, dim: int = 32) -> None:
        super().__init__()
        self.table = nn.Embedding(LETTERS + 1, dim)
        self.Q, self.K, self.V = (nn.Linear(dim, dim, bias=False) for _ in range(3))
        self.sound = nn.Linear(dim, len(SOUNDS))
        self.register_buffer("PE", positional_encoding(LONGEST, dim))

    def forward(self, letters: Tensor, hidden: Tensor) -> Tensor:
        x = self.table(letters) + self.PE
        scores = (self.K(x) @ self.Q(x[:, 0])[:, :, None])[:, :, 0] / math.sqrt(x.shape[2])
        weights = scores.masked_fill(hidden, -torch.inf).softmax(1)
        return self.sound(x[:, 0] + (weights[:, :, None] * self.V(x)).sum(1))


@lru_cache(maxsize=1)
def _words() -> tuple[Tensor, Tensor]:
    rows = []
    for word, (phones, *_) in data.cmudict("train"):
        if word[0] == "c" and 3 <= len(word) <= LONGEST and phones[0] in SOUNDS:
            rows.append((word, SOUNDS.index(phones[0])))
    letters = torch.full((len(rows), LONGEST), NOBODY)
    for row, (word, _) in zip(letters, rows, strict=True):
        row[: len(word)] = torch.tensor([ord(letter) - ord("a") for letter in word])
    return letters, torch.tensor([sound for _, sound in rows])


@lru_cache(maxsize=16)
def _trained(seed: int) -> _Reader:
    letters, sounds = _words()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = _Reader()

    def loss(net: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        return F.cross_entropy(net(batch[0], batch[0] == NOBODY), batch[1])

    options = dict(steps=200, batch_size=128, seed=seed, progress=False, schedule="one_cycle")
    fit(net, loss, (letters[:-1000], sounds[:-1000]), learning_rate=1e-2, **options)
    return net.eval()


def accuracy_without(place: int | None, seed: int) -> float:
    """Return how many of 1,000 held-out words with c at the beginning are read right.

    A head as in section 12 is trained to say whether the c sounds like K, S or CH.

    Args:
        place: the look of the c at this place is cut, 1 is the letter after it; None cuts nothing.
        seed: of weights and order of the words.
    """
    letters, sounds = (part[-1000:] for part in _words())
    hidden = letters == NOBODY
    if place is not None:
        hidden = hidden.clone()
        hidden[:, place] = True
    net = _trained(seed)
    with torch.no_grad():
        return (net(letters, hidden).argmax(1) == sounds).double().mean().item()


@exercise(
    "9. Experiment. A c at the beginning of a word sounds like K in cat, S in city, or CH in "
    "chin. exercises.transformer.accuracy_without(place, seed) trains a head as in section 12 to "
    "tell these apart. Then it cuts the look of the c at one place, and returns the accuracy on "
    "1,000 held-out words. Place 1 is the letter after the c, place 2 the one after that, and None "
    "cuts nothing. Predict the three accuracies. Then run each with at least three seeds. A letter "
    "decides if every run in which its look is cut is worse than all runs without a cut and all "
    "runs with the other cut.\n"
    "Give the list of accuracies for each cut, as fractions, and the place that decides, 1, 2 or "
    "'neither'.",
    hint=(
        "[exercises.transformer.accuracy_without(1, seed) for seed in range(3)] is one of three "
        "lists.",
        "The same seed gives the same trained head, whatever is cut. So the lists can be compared.",
        "Compare max(...) of the list of one cut with min(...) of the two other lists.",
    ),
    because="The letter after the c decides. An e, i or y makes it an S, an h a CH. The other cut "
    "is the control. Without it one could think that any cut does harm, for example because the "
    "weights of the others grow. A map of weights would only have shown where the head looks.",
    skeleton="""
        answer = {
            "nothing": ...,
            "place 1": ...,
            "place 2": ...,
            "decides": ...,
        }
    """,
)
def which_look():
    report = {
        name: [accuracy_without(place, seed) for seed in range(3)]
        for name, place in {"nothing": None, "place 1": 1, "place 2": 2}.items()
    }
    report["decides"] = verdict(report["nothing"], report["place 1"], report["place 2"])
    return report


def verdict(nothing: Sequence[float], first: Sequence[float], second: Sequence[float]) -> int | str:
    """Return which place decides, by the rule of the question."""
    if max(first) < min(*nothing, *second):
        return 1
    return 2 if max(second) < min(*nothing, *first) else "neither"


@which_look.checked_by
def _(answer):
    cuts = ("nothing", "place 1", "place 2")
    expect(isinstance(answer, dict), f"type: a dict with four keys is wanted, got {kind(answer)}")
    missing = [key for key in (*cuts, "decides") if key not in answer]
    expect(not missing, f"keys: {missing} is not there")
    runs = expect_runs({key: answer[key] for key in cuts}, *cuts)
    expect(min(runs["nothing"]) > 0.6, "training: without a cut, a run is bad; was it trained?")
    expect(runs["place 1"] != runs["nothing"], "cut: the runs of place 1 are those without a cut")
    expect(runs["place 2"] != runs["nothing"], "cut: the runs of place 2 are those without a cut")
    expect(runs["place 1"] != runs["place 2"], "place: both cuts have the same runs")
    said = answer["decides"]
    expect(said in (1, 2, "neither"), f"type: decides: 1, 2 or 'neither' is wanted, got {said!r}")
    right = verdict(*(runs[key] for key in cuts))
    overlap = "overlap: your runs overlap, so by the rule no letter decides"
    expect(right != "neither" or said == "neither", overlap)
    clear = "clear: one cut of yours is worse in every run than all the others"
    expect(said != "neither" or right == "neither", clear)
    expect(said == right, "verdict: your runs say that the other letter decides")


# ---- break it ----------------------------------------------------------------------------------


@exercise(
    "10. Break it. An encoder layer reads words made of the letters a and b. It has no position "
    "codes and no mask. We look at its output at the first letter only. Find two words of "
    "different lengths for which this output is the same, whatever the weights of the layer are.\n"
    "Give the pair (one, other), two strings.",
    hint=(
        "The first letter's own row goes around the attention. What must the two words have in "
        "common?",
        "Attention takes a weighted mean. All letters a have the same key, and all letters b, too.",
        "If every letter comes twice as often, what happens to the sum above and below in the "
        "softmax?",
    ),
    because="The answer is (n_a w_a v_a + n_b w_b v_b) / (n_a w_a + n_b w_b), with n_a letters a "
    "and n_b letters b. If both counts are multiplied by the same number, it cancels. So a mean "
    "sees shares and cannot count. Position codes, or a mask, or a special token at the beginning "
    "help.",
)
def same_bag():
    return "ab", "abab"


@same_bag.checked_by
def _(answer):
    one, other = expect_parts(answer, "one", "other")
    for name, word in (("one", one), ("other", other)):
        expect(isinstance(word, str), f"type: {name} must be a string, got {kind(word)}")
        expect(word, f"empty: {name} has no letter")
        expect(set(word) <= {"a", "b"}, f"letters: {name} must be made of a and b only")
    expect(one != other, "equal: the two words are the same")
    expect(len(one) != len(other), "length: the words must have different lengths")
    first = "first: the first letter's row is added to what it learns, so it must be the same one"
    expect(one[0] == other[0], first)
    absent = "absent: one word has a letter that the other does not have at all"
    expect(set(one) == set(other), absent)
    more = "share: in one of the words the letter a has a larger share, and a mean notices that"
    expect(one.count("a") * len(other) == other.count("a") * len(one), more)
