"""dlnotes.exercises.cnn: solutions pass, and a wrong answer is told which property fails."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from dlnotes.exercises import NotYet, cnn, of_chapter

NAMES = list(of_chapter("cnn"))


def test_there_are_ten_exercises_in_rising_difficulty():
    assert NAMES == [
        "output_size",
        "receptive_field",
        "strided",
        "training_loop",
        "input_gradient",
        "batch_norm_backward",
        "identity_block",
        "largest_rate",
        "max_or_average",
        "stripes",
    ]


# one of them trains for minutes: tests/notebooks runs it
@pytest.mark.parametrize("name", [name for name in NAMES if name != "max_or_average"])
def test_the_solution_is_right_and_a_blank_is_not(name):
    exercise = getattr(cnn, name)
    exercise.examine(exercise.right_answer())
    with pytest.raises(NotYet, match="blank"):
        exercise.examine(...)
    assert exercise.question and exercise.because


def loops(x, w, stride, padding, *, last=1, step=None, turn=False, transpose=False, kind=None):
    """The solution of ``strided``, with one thing wrong."""
    w = w.flip(0, 1) if turn else w.T if transpose else w
    K, x = len(w), F.pad(x, (padding,) * 4)
    rows, columns = (
        (x.shape[0] - K) // stride + last,
        (x.shape[1] - K) // stride + last,
    )
    y = torch.zeros(rows, columns, dtype=x.dtype)
    step = stride if step is None else step
    for i in range(rows):
        for j in range(columns):
            patch = x[i * step : i * step + K, j * step : j * step + K]
            y[i, j] = (w * patch).sum()
    return y if kind is None else kind(y)


def step_by_step(
    net, optimizer, batches, *, zero=True, back=True, step=True, note=float, order="zbs"
):
    """The solution of ``training_loop``, with one thing wrong."""
    losses = []
    for images, labels in batches:
        loss = F.cross_entropy(net(images), labels)
        for action in order:
            if action == "z" and zero:
                optimizer.zero_grad()
            if action == "b" and back:
                loss.backward()
            if action == "s" and step:
                optimizer.step()
        losses.append(note(loss.detach()))
    return losses


def late_losses(net, optimizer, batches):
    step_by_step(net, optimizer, batches)
    return [F.cross_entropy(net(x), t).item() for x, t in batches]


def one_batch_only(net, optimizer, batches):
    return step_by_step(net, optimizer, batches[:1]) * 3


def blank(*arguments):
    return ...


def norm_backward(x, gamma, delta, eps, *, mean=True, variance=True, factor=1.0, biased=True):
    deviation = (x.var(0, unbiased=not biased) + eps).sqrt()
    normed = (x - x.mean(0)) / deviation
    result = delta
    if mean:
        result = result - delta.mean(0)
    if variance:
        result = result - normed * (delta * normed).mean(0)
    return factor * gamma / deviation * result


class Block(nn.Module):
    def __init__(self, channels, zero="gamma", skip=True, final=True, layers=2):
        super().__init__()
        self.branch = nn.Sequential()
        for number in range(layers):
            self.branch.append(nn.Conv2d(channels, channels, 3, padding=1, bias=False))
            self.branch.append(nn.BatchNorm2d(channels))
            if number < layers - 1:
                self.branch.append(nn.ReLU())
        if zero == "gamma":
            nn.init.zeros_(self.branch[-1].weight)
        if zero == "for ever":
            self.register_buffer("gate", torch.zeros(1))
        self.skip, self.final = skip, final

    def forward(self, x):
        y = self.branch(x)
        y = y * self.gate if hasattr(self, "gate") else y
        y = x + y if self.skip else y
        return y.relu() if self.final else y


def transposed(d, w, p):
    return F.conv2d(d, w.transpose(0, 1), padding=w.shape[-1] - 1 - p)


def flipped(d, w, p):
    return F.conv2d(d, w.flip(2, 3), padding=w.shape[-1] - 1 - p)


def plain(d, w, p):
    return F.conv2d(d, w, padding=w.shape[-1] - 1 - p)


def true(d, w, p):
    return F.conv2d(d, w.flip(2, 3).transpose(0, 1), padding=w.shape[-1] - 1 - p)


WRONG = [
    ("output_size", ((64, 111.5, 111.5), 9472), "floor"),
    ("output_size", ((3, 112, 112), 9472), "channels"),
    ("output_size", ((64, 110, 110), 9472), "size"),
    ("output_size", ((1, 64, 112, 112), 9472), "shape"),
    ("output_size", ((64, 112, 112), 9408), "bias"),
    ("output_size", ((64, 112, 112), 64 * 50), "channels"),
    ("output_size", ((64, 112, 112), 7), "parameters"),
    ("receptive_field", 27, "stride"),
    ("receptive_field", 196, "pooling"),
    ("receptive_field", 211, "start"),
    ("receptive_field", 224, "recursion"),
    ("output_size", ((64, 112, 112), "9472"), "parameters"),
    ("receptive_field", 212.4, "recursion"),
    ("strided", lambda x, w, s, p: loops(x, w, s, p, last=0), "off by one"),
    ("strided", lambda x, w, s, p: loops(x, w, s, p, step=1), "start"),
    ("strided", lambda x, w, s, p: loops(x, w, s, 0), "shape"),
    ("strided", lambda x, w, s, p: loops(x, w, 1, p), "shape"),
    ("strided", lambda x, w, s, p: loops(x, w, s, p, turn=True), "flip"),
    ("strided", lambda x, w, s, p: loops(x, w, s, p, transpose=True), "axes"),
    ("strided", lambda x, w, s, p: loops(x, w, s, p, kind=torch.relu), "values"),
    ("strided", lambda x, w, s, p: loops(x, w, s, p, kind=torch.Tensor.tolist), "type"),
    ("strided", lambda x, w, s, p: -loops(x, w, s, p), "sign"),
    ("strided", lambda x, w, s, p: loops(x, w, s, p) / 9, "scale"),
    ("strided", blank, "blank"),
    ("strided", 3, "type"),
    ("training_loop", lambda *a: step_by_step(*a, zero=False), "zero_grad"),
    ("training_loop", lambda *a: step_by_step(*a, back=False), "step"),
    ("training_loop", lambda *a: step_by_step(*a, step=False), "step"),
    ("training_loop", lambda *a: step_by_step(*a, order="szb"), "order"),
    ("training_loop", lambda *a: step_by_step(*a, order="bzs"), "step"),
    ("training_loop", lambda *a: step_by_step(*a, order="zbss"), "steps"),
    ("training_loop", lambda *a: step_by_step(*a, note=lambda loss: loss), "floats"),
    (
        "training_loop",
        lambda *a: step_by_step(*a, note=lambda loss: round(float(loss), 2)),
        "losses",
    ),
    ("training_loop", lambda *a: sum(step_by_step(*a)), "type"),
    ("training_loop", lambda *a: step_by_step(*a)[:2], "length"),
    ("training_loop", late_losses, "losses"),
    ("training_loop", one_batch_only, "steps"),
    ("training_loop", blank, "blank"),
    ("input_gradient", blank, "blank"),
    ("input_gradient", transposed, "flip"),
    ("input_gradient", flipped, "channels"),
    ("input_gradient", plain, "flip and channels"),
    ("input_gradient", lambda d, w, p: true(d, w, p)[..., 1:], "shape"),
    ("input_gradient", lambda d, w, p: true(d, w, 0), "shape"),
    ("input_gradient", lambda d, w, p: -true(d, w, p), "sign"),
    ("input_gradient", lambda d, w, p: true(d, w, p) / 2, "scale"),
    ("input_gradient", 3, "type"),
    ("batch_norm_backward", lambda *a: norm_backward(*a, mean=False, variance=False), "paths"),
    ("batch_norm_backward", lambda *a: norm_backward(*a, variance=False), "variance"),
    ("batch_norm_backward", lambda *a: norm_backward(*a, mean=False), "mean"),
    ("batch_norm_backward", lambda *a: norm_backward(*a, factor=8.0), "scale"),
    ("batch_norm_backward", lambda *a: norm_backward(*a, biased=False), "values"),
    ("batch_norm_backward", lambda *a: norm_backward(*a)[0], "shape"),
    ("batch_norm_backward", blank, "blank"),
    ("identity_block", lambda c: nn.Identity(), "convolutions"),
    ("identity_block", lambda c: Block(c, layers=1), "convolutions"),
    ("identity_block", lambda c: Block(c, zero=None), "identity"),
    ("identity_block", lambda c: Block(c, skip=False), "identity"),
    ("identity_block", lambda c: Block(c, final=False), "activation"),
    ("identity_block", lambda c: Block(c, zero="for ever"), "learning"),
    ("identity_block", lambda c: lambda x: x, "type"),
    ("largest_rate", lambda a1, a2: 1 / max(a1, a2), "factor"),
    ("largest_rate", lambda a1, a2: 2 / min(a1, a2), "direction"),
    ("largest_rate", lambda a1, a2: 2 / (a1 + a2), "sum"),
    ("largest_rate", lambda a1, a2: 2 * max(a1, a2), "inverse"),
    ("largest_rate", lambda a1, a2: round(2 / max(a1, a2), 3), "rounded"),
    ("largest_rate", lambda a1, a2: 2 / a1, "value|direction"),
    ("largest_rate", lambda a1, a2: 2 / (a1 * a2), "value"),
    ("largest_rate", 2 / 3, "type"),
    ("largest_rate", blank, "blank"),
    ("stripes", torch.zeros(8, 8), "change"),
    ("stripes", ((torch.arange(8) % 2 == 0).float()[:, None].expand(8, 8)), "axis"),
    ("stripes", ((torch.arange(8) % 3 == 0).float()[None].expand(8, 8)), "change"),
    ("stripes", 0.5 * (torch.arange(8) % 2 == 0).float()[None].expand(8, 8), "change"),
    ("stripes", 2.0 * torch.eye(8), "range"),
    ("stripes", torch.ones(1, 8, 8), "shape"),
    ("stripes", [[0.0] * 8] * 8, "type"),
    ("max_or_average", {"max": [0.9, 0.91, 0.92]}, "keys"),
    ("max_or_average", {"max": [0.9, 0.91], "average": [0.9, 0.91, 0.92]}, "seeds"),
    ("max_or_average", {"max": [90.0, 91.0, 92.0], "average": [0.9, 0.91, 0.92]}, "unit"),
    ("max_or_average", {"max": [0.9, 0.91, 0.92], "average": [0.1, 0.9, 0.9]}, "training"),
    ("max_or_average", {"max": [0.9, 0.9, 0.9], "average": [0.9, 0.91, 0.92]}, "seeds"),
    ("max_or_average", [0.9], "type"),
]


@pytest.mark.parametrize("name", NAMES)
def test_at_least_five_wrong_answers_are_told_apart(name):
    assert sum(entry[0] == name for entry in WRONG) >= 5


@pytest.mark.parametrize(("name", "answer", "property"), WRONG)
def test_a_wrong_answer_is_told_the_property_that_fails(name, answer, property):
    with pytest.raises(NotYet, match=property):
        getattr(cnn, name).examine(answer)


def test_other_right_answers_pass():
    cnn.strided.examine(loops)
    cnn.training_loop.examine(step_by_step)
    cnn.training_loop.examine(lambda *a: step_by_step(*a, order="bsz"))
    cnn.largest_rate.examine(lambda a1, a2: min(2 / a1, 2 / a2))
    cnn.output_size.examine([[64, 112, 112], 9472])
    cnn.stripes.examine(1 - cnn.stripes.right_answer())
    cnn.identity_block.examine(Block)
    cnn.batch_norm_backward.examine(norm_backward)


def test_the_exact_numbers_of_the_first_two_exercises_come_from_torchs_own_layers():
    layer = nn.Conv2d(3, 64, 7, stride=2, padding=3)
    shape = tuple(layer(torch.zeros(1, 3, 224, 224)).shape[1:])
    assert cnn.output_size.right_answer() == (shape, sum(p.numel() for p in layer.parameters()))

    layers = []
    for convolutions in (2, 2, 3, 3, 3):
        layers += [nn.Conv1d(1, 1, 3, padding=1, bias=False) for _ in range(convolutions)]
        layers += [nn.AvgPool1d(2)]
    x = torch.zeros(1, 1, 512, requires_grad=True)
    net = nn.Sequential(*layers)
    for parameter in net.parameters():
        nn.init.ones_(parameter)
    net(x)[0, 0, 8].backward()
    seen = x.grad[0, 0].nonzero().flatten()
    assert cnn.receptive_field.right_answer() == seen[-1] - seen[0] + 1
