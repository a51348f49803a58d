"""The last steps of the ladder of chapter 2: an experiment, and something to break."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlnotes import data
from dlnotes.exercises import NotYet, exercise, expect, expect_parts, expect_runs
from dlnotes.training import accuracy, classification_loss, fit

# ---- experiment --------------------------------------------------------------------------------


def small_net() -> nn.Sequential:
    """Return the network of section 10, for digits of 8 × 8 pixels; 6,090 weights."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(32 * 2 * 2, 10),
    )  # fmt: skip


def accuracy_after(batch_size: int, steps: int, seed: int) -> float:
    """Train that network on 1,000 digits; return its accuracy on 250 validation images.

    AdamW at the rate 0.005, whatever the batch size is.

    Args:
        batch_size: images in a batch.
        steps: how many batches.
        seed: of weights and order of the images.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = small_net()
    options = dict(batch_size=batch_size, steps=steps, seed=seed, progress=False)
    lab = data.digits("train").take(1000)
    fit(net, classification_loss, lab, learning_rate=0.005, **options)
    return accuracy(net, data.digits("validation"))


@exercise(
    "10. Experiment. Are batches of 10 images better than batches of 100? The text compares "
    "gradients, but no trained networks. exercises.cnn.accuracy_after(batch_size, steps, seed) "
    "trains the network of section 10 on 1,000 digits and returns its validation accuracy. Compare "
    "the two sizes twice. First give both the same steps, 50 batches each. Then give both the "
    "same epochs, 2 passes over the 1,000 images. Take at least three seeds each, and say for both "
    "comparisons which size is better. A size is better only if its worst run beats every run of "
    "the other one, and otherwise it is unclear. Predict both results first.\n"
    "Give for each size the list of its accuracies, as fractions, and for each comparison 10, 100 "
    "or 'unclear'.",
    hint=(
        "How many batches of 10 are 2 epochs, and how many of 100?",
        "[exercises.cnn.accuracy_after(10, 200, seed) for seed in range(3)] is one of four lists.",
        "Compare min(...) of one list with max(...) of the other, both ways round.",
    ),
    because="In equal steps, large batches see ten times as many images. In equal epochs, small "
    "ones take ten times as many steps. So the answer depends on what is held equal, and one has "
    "to say which cost counts. Also, both sizes had the same learning rate. For a fair verdict, "
    "each size chooses its own, on the validation images.",
    skeleton="""
        answer = {
            "equal steps": {10: ..., 100: ...},
            "equal epochs": {10: ..., 100: ...},
            "better": {"equal steps": ..., "equal epochs": ...},
        }
    """,
)
def batch_size():
    report = {"equal steps": {}, "equal epochs": {}, "better": {}}
    for size in (10, 100):
        for cost, steps in (("equal steps", 50), ("equal epochs", 2 * 1000 // size)):
            report[cost][size] = [accuracy_after(size, steps, seed) for seed in range(3)]
    for cost in ("equal steps", "equal epochs"):
        small, large = report[cost][10], report[cost][100]
        winner = 10 if min(small) > max(large) else 100 if min(large) > max(small) else "unclear"
        report["better"][cost] = winner
    return report


@batch_size.checked_by
def _(answer):
    costs = ("equal steps", "equal epochs")
    expect(isinstance(answer, dict), "type: a dict is wanted, with three keys")
    missing = [key for key in (*costs, "better") if key not in answer]
    expect(not missing, f"keys: {missing} is not there")
    runs = {cost: expect_runs(answer[cost], 10, 100) for cost in costs}
    for cost in costs:
        for size, values in runs[cost].items():
            chance = f"training: {cost}, {size}: a run lies at chance; was it trained?"
            expect(min(values) > 0.2, chance)
    for size in (10, 100):
        steps = f"steps: the runs of {size} are the same twice; 2 epochs are not 50 batches"
        expect(runs["equal steps"][size] != runs["equal epochs"][size], steps)
    verdicts = answer["better"]
    expect(
        isinstance(verdicts, dict) and set(costs) <= set(verdicts),
        "keys: 'better' is a dict with the keys 'equal steps' and 'equal epochs'",
    )
    for cost in costs:
        expect_verdict(cost, verdicts[cost], runs[cost][10], runs[cost][100])


def expect_verdict(
    cost: str, verdict: int | str, small: Sequence[float], large: Sequence[float]
) -> None:
    """Raise ``NotYet`` unless a verdict is what the reported runs of both sizes carry."""
    allowed = f"type: better, {cost}: 10, 100 or 'unclear' is wanted, got {verdict!r}"
    expect(verdict in (10, 100, "unclear"), allowed)
    if verdict == "unclear":
        apart = min(small) > max(large) or min(large) > max(small)
        expect(not apart, f"verdict: {cost}: every run of one size beats all of the other")
        return
    better, worse = (small, large) if verdict == 10 else (large, small)
    expect(max(better) > min(worse), f"verdict: {cost}: your runs say the opposite")
    expect(min(better) > max(worse), f"verdict: {cost}: the runs overlap, so they cannot tell")


# ---- break it ----------------------------------------------------------------------------------


@exercise(
    "11. Break it. A network has one convolution with kernels of 3 × 3, as many as you like, then "
    "ReLU, then the global average of each map. Images are bent into a ring in both directions, so "
    "there is no border. Find two images of zeros and ones, tensors (8, 8), which this network "
    "cannot tell apart, whatever its kernels are, although neither is the other one, moved.\n"
    "Give the pair (one, other).",
    hint=(
        "What does the global average know of the places where a map answered?",
        "Nothing. So the network only counts how often each patch of 3 × 3 pixels occurs. Which "
        "images have the same patches in another arrangement?",
        "Take two things so far apart that no patch of 3 × 3 sees both. Then change how they lie.",
    ),
    because="The average of a map adds up the answers to all 64 patches, in any order. Two images "
    "with the same patches give the same sums, for every kernel and every activation. So this "
    "network sees what is there, and not how it is arranged beyond three pixels. A second layer "
    "sees five (section 14), and can be fooled in the same way, with things further apart.",
)
def same_patches():
    one, other = torch.zeros(8, 8), torch.zeros(8, 8)
    one[1, 1] = one[1, 5] = 1  # no patch of 3 × 3 holds both ones
    other[1, 1] = other[5, 5] = 1
    return one, other


@same_patches.checked_by
def _(answer):
    images = expect_parts(answer, "one", "other")
    for name, image in zip(("one", "other"), images, strict=True):
        expect(isinstance(image, Tensor), f"type: {name} must be a tensor")
        expect(image.shape == (8, 8), f"shape: {name} must be (8, 8), got {tuple(image.shape)}")
        expect(((image == 0) | (image == 1)).all(), f"values: {name} must hold zeros and ones only")
    one, other = (image.long() for image in images)
    expect(not one.equal(other), "equal: the two images are the same one")
    expect(not is_moved(one, other), "moved: that is the same image, moved on the ring")
    count = "sum: a kernel with a single 1 in it counts the ones, and your images differ in that"
    expect(one.sum() == other.sum(), count)
    if torch.equal(patches(one), patches(other)):
        return
    turned = [one.rot90(quarters) for quarters in (1, 2, 3)]
    turned += [image.flip(1) for image in (one, *turned)]
    way = "turned: that is the same image, turned or mirrored; a kernel sees which way things point"
    expect(not any(is_moved(image, other) for image in turned), way)
    raise NotYet("patches: there are 3 × 3 patches which one image has more often; use .hint()")


def is_moved(image: Tensor, other: Tensor) -> bool:
    """Return whether an image is another one, moved on the ring."""
    rows, columns = image.shape
    places = [(i, j) for i in range(rows) for j in range(columns)]
    return any(image.roll(place, (0, 1)).equal(other) for place in places)


def patches(image: Tensor) -> Tensor:
    """Return the 3 × 3 patches of an image on a ring, as sorted rows."""
    ring = F.pad(image[None, None].float(), (1, 1, 1, 1), mode="circular")
    rows = F.unfold(ring, 3)[0].T  # (64, 9)
    numbers = (rows.long() * 2 ** torch.arange(9)).sum(1)  # a patch is a number of nine bits
    return numbers.sort().values
