"""dlnotes.exercises.cnn: solutions pass, and a wrong answer is told which property fails."""

import torch
import torch.nn.functional as F
from torch import nn

from dlnotes.exercises import cnn
from exercises.answers import judged


def conv(x, weight, bias, stride, padding):
    windows = F.unfold(x, weight.shape[-1], padding=padding, stride=stride)
    rows = (x.shape[2] + 2 * padding - weight.shape[-1]) // stride + 1
    return (weight.flatten(1) @ windows + bias[:, None]).unflatten(2, (rows, -1))


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
    ("receptive_field", 213, "start"),
    ("receptive_field", 224, "recursion"),
    ("min_pooling", 15 / 16, "type"),
    ("min_pooling", lambda F: 0.5 ** (F * F), "complement"),
    ("min_pooling", lambda F: 1 - 0.5**F, "window"),
    ("min_pooling", lambda F: 2.0, "range"),
    ("min_pooling", lambda F: 1 - 0.25 ** (F * F), "value"),
    ("unfolding", lambda x, w, b, s, p: conv(x, w.flip(2, 3), b, s, p), "flip"),
    ("unfolding", lambda x, w, b, s, p: -conv(x, w, b, s, p), "sign"),
    ("unfolding", lambda x, w, b, s, p: 2 * conv(x, w, b, s, p), "scale"),
    ("unfolding", lambda x, w, b, s, p: conv(x, w, 0 * b, s, p), "with bias"),
    ("unfolding", lambda x, w, b, s, p: conv(x, w, b, 1, p), "with stride 2"),
    ("unfolding", lambda x, w, b, s, p: conv(x, w, b, s, 0), "with padding 1"),
    ("unfolding", lambda x, w, b, s, p: conv(x, w, b, s, min(p, 1)), "padding 2"),
    ("unfolding", lambda x, w, b, s, p: F.conv2d(x, w, b, s, p), "no ready-made convolution"),
    ("unfolding", lambda x, w, b, s, p: conv(x[:, :1], w[:, :1], b, s, p), "values"),
    ("unfolding", 3, "type"),
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
    ("identity_block", lambda c: nn.Identity(), "convolutions"),
    ("identity_block", lambda c: Block(c, layers=1), "convolutions"),
    ("identity_block", lambda c: Block(c, zero=None), "identity"),
    ("identity_block", lambda c: Block(c, skip=False), "identity"),
    ("identity_block", lambda c: Block(c, final=False), "activation"),
    ("identity_block", lambda c: Block(c, zero="for ever"), "learning"),
    ("identity_block", lambda c: lambda x: x, "type"),
    ("stripes", torch.zeros(8, 8), "change"),
    ("stripes", 2.0 * torch.eye(8), "range"),
    ("stripes", torch.eye(8) - 1, "range"),
    ("stripes", torch.ones(1, 8, 8), "shape"),
    ("stripes", [[0.0] * 8] * 8, "type"),
    ("max_or_average", {"max": [0.9, 0.91, 0.92]}, "keys"),
    ("max_or_average", {"max": [0.9, 0.91], "average": [0.9, 0.91, 0.92]}, "seeds"),
    ("max_or_average", {"max": [90.0, 91.0, 92.0], "average": [0.9, 0.91, 0.92]}, "unit"),
    ("max_or_average", {"max": [0.9, 0.91, 0.92], "average": [0.1, 0.9, 0.9]}, "training"),
    ("max_or_average", {"max": [0.9, 0.9, 0.9], "average": [0.9, 0.91, 0.92]}, "seeds"),
    ("max_or_average", [0.9], "type"),
]

RIGHT = [
    ("output_size", [[64, 112, 112], 9472]),
    ("min_pooling", lambda F: 1 - 2.0 ** -(F**2)),
    ("batch_norm_backward", norm_backward),
    ("identity_block", Block),
    ("stripes", 1 - cnn.stripes.right_answer()),
]

test_exercises = judged("cnn", WRONG, RIGHT)


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
