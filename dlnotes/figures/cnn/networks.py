"""Drawings of parts C and D: architectures from their code, blocks, contests, what was learned."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch
from matplotlib.colors import is_color_like
from matplotlib.figure import Figure
from torch import Tensor, nn

from dlnotes import cnn
from dlnotes.checks import check_shape
from dlnotes.figures.cnn.parts import (
    DULL,
    FAINT,
    INK,
    PALE,
    arrow,
    box,
    canvas,
    end_labels,
    readable,
    say,
    stack,
    without_ticks,
)
from dlnotes.plotting import BLACK, BLUE, DIVERGING, GREEN, GREY, PURPLE, figure

CONVOLVED, POOLED, FLAT = "#CFE6F5", PALE, "#D9EFE6"


# ---- LeNet-5, from its code --------------------------------------------------------------------


def architecture() -> Figure:
    """Draw LeNet-5: as many maps as each layer of ``cnn.LeNet5`` has, and their sizes."""
    shapes = shapes_of_lenet()
    fig, ax = canvas(223, 60, width=10.0)
    x = 3.0
    names = list(shapes)
    for position, name in enumerate(names):
        count, size = shapes[name][0], shapes[name][-1] if len(shapes[name]) > 1 else 0
        step = 0.0 if count == 1 else min(1.6, 22 / count)
        if size > 1:
            colour = "white" if name == "image" else CONVOLVED if name[0] == "C" else POOLED
            bottom = 34 + size / 2
            right = stack(ax, x, bottom - size, size, count, colour=colour, step=step)
        else:
            right = _column(ax, x, count, name)
        middle = (x + right) / 2
        say(ax, middle, 3, name, size=16, fontweight="bold")
        label = f"{count} @ {size}×{size}" if size else f"{count}"
        say(ax, middle, 56, label, size=14)
        if position + 1 < len(names):
            gap = 8.5 if size > 5 else 16
            arrow(ax, (right + 1, 34), (right + gap, 34))
            x = right + gap + 1
    ax.set_xlim(0, right + 12)
    return fig


def shapes_of_lenet() -> dict[str, tuple[int, ...]]:
    """Return the shape of every stage of ``cnn.LeNet5``, as the network itself makes it."""
    model, shapes = cnn.LeNet5(), {"image": (1, 28, 28)}
    hooks = []
    for name, layer in model.named_children():
        if isinstance(layer, nn.ReLU):
            continue

        def note(_layer, _inputs, output, name=name) -> None:
            shapes[name.upper() if len(name) == 2 else name] = tuple(output.shape[1:])

        hooks.append(layer.register_forward_hook(note))
    with torch.no_grad():
        model(torch.zeros(1, 1, 28, 28))
    for hook in hooks:
        hook.remove()
    return shapes


def _column(ax, x: float, count: int, name: str) -> float:
    """Draw a layer without extent as a column whose height tells its units."""
    from matplotlib.patches import Rectangle

    height, colour = 6 + 30 * count / 120, CONVOLVED if name[0] == "C" else FLAT
    ax.add_patch(
        Rectangle((x, 34 - height / 2), 4, height, facecolor=colour, edgecolor=INK, lw=0.8)
    )
    return x + 4


# ---- blocks ------------------------------------------------------------------------------------


def inception(branches: Sequence[nn.Module]) -> Figure:
    """Draw the four branches of an inception block, with their kernels and numbers of maps.

    Args:
        branches: each of one or two convolutions or poolings, with what stands between them.
    """
    fig, ax = canvas(20, 9.6, width=8.6)
    inputs = next(m for m in branches[0].modules() if isinstance(m, nn.Conv2d)).in_channels
    box(ax, 10, 8.9, f"input, {inputs} maps", wide=6)
    outputs = 0
    for number, branch in enumerate(branches):
        x = 2.6 + 4.95 * number
        units = [layer for layer in branch.modules() if isinstance(layer, nn.Conv2d | nn.MaxPool2d)]
        places = {1: [5.0], 2: [6.4, 3.6]}[len(units)]
        below = 8.4
        arrow_from = (10 + 1.2 * (number - 1.5), below)
        for unit, y in zip(units, places, strict=True):
            text, colour = _unit(unit)
            arrow(ax, arrow_from, (x, y + 0.75))
            box(ax, x, y, text, wide=4.2, high=1.5, colour=colour, size=13)
            arrow_from = (x, y - 0.75)
        arrow(ax, arrow_from, (10 + 1.2 * (number - 1.5), 1.55))
        outputs += [u for u in units if isinstance(u, nn.Conv2d)][-1].out_channels
    box(ax, 10, 1.0, f"side by side, {outputs} maps", wide=7)
    return fig


def _unit(layer: nn.Module) -> tuple[str, str]:
    if isinstance(layer, nn.MaxPool2d):
        return "max pooling\n3×3", PALE
    size = layer.kernel_size[0]
    return f"conv {size}×{size}\n{layer.out_channels} maps", CONVOLVED


def residual(channels: int = 64) -> Figure:
    """Draw a plain block and the residual block of ``cnn.BasicBlock`` beside each other."""
    block = cnn.BasicBlock(channels, channels)
    fig, ax = canvas(20, 11.4, width=8.0)
    for left, title, skip in ((1.0, "plain block", False), (10.5, "residual block", True)):
        x = left + 3.2
        say(ax, x, 0.5, title, size=15, fontweight="bold")
        layers = []
        for conv, norm in ((block.conv1, block.bn1), (block.conv2, block.bn2)):
            size = conv.kernel_size[0]
            layers += [f"conv {size}×{size}, {conv.out_channels} maps", "batch norm"]
            assert norm.num_features == conv.out_channels
        layers.insert(2, "ReLU")
        places = [9.6 - 1.45 * k for k in range(5)]
        arrow(ax, (x, 11.1), (x, places[0] + 0.5))
        for text, y in zip(layers, places, strict=True):
            colour = CONVOLVED if text.startswith("conv") else PALE
            box(ax, x, y, text, wide=5.6, high=1.0, colour=colour)
        for low, high in pairwise(places):
            arrow(ax, (x, low - 0.5), (x, high + 0.5))
        arrow(ax, (x, places[-1] - 0.5), (x, 2.85 if skip else 1.78))
        if skip:
            box(ax, x, 2.45, "+", wide=0.8, high=0.75, colour="white", size=16)
            ax.plot([x, x + 4.2, x + 4.2], [10.75, 10.75, 2.45], color=BLUE, lw=2.6)
            arrow(ax, (x + 4.2, 2.45), (x + 0.42, 2.45), colour=BLUE, width=2.6)
            say(ax, x + 4.4, 6.6, "x", size=16, color=BLUE, ha="left")
            say(ax, x - 3.1, 6.6, "f(x)", size=15, ha="right")
            arrow(ax, (x, 2.05), (x, 1.75))
        box(ax, x, 1.35, "ReLU", wide=2.6, high=0.8)
    return fig


# ---- what was learned --------------------------------------------------------------------------


def filters(kernels: Tensor, *maps: Tensor) -> Figure:
    """Draw learned kernels, and below them feature maps, layer by layer.

    Args:
        kernels: of the first layer, (O, K, K); positive blue, negative orange.
        maps: feature maps of one layer each, (O, H, W), at least 0; the first eight are drawn.
    """
    check_shape("kernels", kernels, "O", "K", "K")
    columns = 8
    fig, axes = figure(1 + len(maps), columns, width=8.4, height=1.15 * (1 + len(maps)))
    names = ["kernels", *(f"layer {number}" for number in range(1, len(maps) + 1))]
    for line, name, pictures in zip(axes, names, (kernels, *maps), strict=True):
        most = pictures[:columns].abs().max().item() or 1.0
        for number, ax in enumerate(line):
            without_ticks(ax)
            ax.spines[:].set_visible(number < len(pictures))
            if number >= len(pictures):
                continue
            signed = pictures is kernels
            cmap, least = (DIVERGING, -most) if signed else ("gray_r", 0)
            ax.imshow(pictures[number], cmap=cmap, vmin=least, vmax=most)
        line[0].set_ylabel(name, fontsize=13)
    return fig


# ---- contests ----------------------------------------------------------------------------------


def contest(
    without: dict[str, Sequence[float]],
    with_: dict[str, Sequence[float]],
    *,
    levels: dict[str, float],
) -> Figure:
    """Draw scores of networks without and with batch normalisation, a dot per seed.

    Args:
        without: network -> scores in percent, one per seed; may lack some of the networks.
        with_: network -> scores with it.
        levels: baseline -> score in percent.
    """
    names = list(dict.fromkeys([*without, *with_]))
    fig, ax = figure(width=8.4, height=0.85 * len(names) + 1.9)
    for row, name in enumerate(names):
        ends = []
        for scores, colour, offset in (
            (without.get(name, ()), GREY, -0.16),
            (with_.get(name, ()), GREEN, 0.16),
        ):
            if len(scores) == 0:
                continue
            mean = sum(scores) / len(scores)
            ax.plot(scores, [row + offset] * len(scores), "o", color=colour, ms=6, alpha=0.6)
            ax.plot([mean, mean], [row + offset - 0.15, row + offset + 0.15], color=colour, lw=3.5)
            ends.append(mean)
        if len(ends) == 2:
            arrow_style = dict(arrowstyle="-|>", color=DULL, lw=1.4)
            ax.annotate("", (ends[1], row), (ends[0], row), arrowprops=arrow_style)
    ax.set_yticks(range(len(names)), names, fontsize=14)
    ax.set_ylim(len(names) + 0.55, -0.65 - 0.5 * len(levels))
    ax.set_xlabel("validation accuracy (%), axis cut")
    _levels(ax, levels)
    readable(ax)
    ax.grid(False, axis="y")
    for k, (text, colour) in enumerate((("grey: without", "#666666"), ("green: with", GREEN))):
        style = dict(transform=ax.get_yaxis_transform(), va="center", fontsize=14, color=colour)
        ax.text(0.01, len(names) - 0.3 + 0.5 * k, f"{text} batch normalisation", **style)
    return fig


def _levels(ax, levels: dict[str, float]) -> None:
    """Draw dotted lines up to their names, which stand inside the frame and on no other line."""
    low, high = ax.get_xlim()
    left = 2 * sum(levels.values()) < (low + high) * len(levels)
    side, gap = ("left", 6) if left else ("right", -6)
    bottom = ax.get_ylim()[0]
    for k, (name, level) in enumerate(
        sorted(levels.items(), key=lambda x: x[1], reverse=bool(left))
    ):
        y = -0.65 - 0.5 * k
        ax.plot([level, level], [bottom, y - 0.15], color=INK, lw=1.2, ls=":")
        ax.annotate(
            f"{name} {level:.1f}", (level, y), xytext=(gap, 0), ha=side, va="center",
            textcoords="offset points", fontsize=14, color="#555555",
        )  # fmt: skip
    span = [*levels.values(), low, high]
    ax.set_xlim(min(span), max(span) + 0.02 * (max(span) - min(span)))


STYLES = ((GREY, "-"), (GREEN, "-"), (BLACK, "--"), (PURPLE, "--"))
DASHES = ("-", "--", ":", "-.")


def lines(
    curves: dict[str, tuple[Sequence[float], Sequence]],
    *,
    xlabel: str,
    ylabel: str,
    log: bool = False,
    ylim: tuple[float | None, float | None] = (0, None),
    level: tuple[str, float] | None = None,
    styles: Mapping[str, tuple[str, str]] | None = None,
) -> Figure:
    """Draw curves, each named at its end; several runs become mean and range.

    Args:
        curves: name -> (x, y), y (length,) or (runs, length).
        xlabel: with unit.
        ylabel: with unit.
        log: logarithmic y axis.
        ylim: limits of y.
        level: name and height of one thin line, such as guessing.
        styles: name -> (colour, "-", "--", ":" or "-."), for every curve; None has four styles,
            in the order of the curves.
    """
    styles = _checked_styles(curves, styles)

    fig, ax = figure(width=7.8, height=3.8)
    ends = []
    for name, (x, y) in curves.items():
        colour, dash = styles[name]
        rows = torch.as_tensor(y).double()
        rows = rows[None] if rows.ndim == 1 else rows
        mean = rows.mean(0)
        ax.plot(x, mean.tolist(), color=colour, ls=dash, lw=2.6, marker="o" if len(x) < 20 else "")
        if len(rows) > 1:
            low, high = rows.min(0).values.tolist(), rows.max(0).values.tolist()
            ax.fill_between(x, low, high, color=colour, alpha=0.18, lw=0)
        ends.append((x[-1], mean[-1].item(), name, colour))
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.set_xlim(min(x[0] for x, _ in curves.values()), max(x for x, *_ in ends))
    if level:
        ax.axhline(level[1], color=FAINT, lw=1.2, ls=":")
        ax.text(
            ax.get_xlim()[0], level[1], f" {level[0]}", va="bottom", fontsize=13, color="#555555"
        )
    if log:
        ax.set_yscale("log")
    else:
        ax.set_ylim(*ylim)
    readable(ax)
    fig.draw_without_rendering()
    end_labels(ax, ends, size=13)
    return fig


def _checked_styles(
    curves: Mapping[str, object], styles: Mapping[str, tuple[str, str]] | None
) -> Mapping[str, tuple[str, str]]:
    """Return a style for each curve, and raise where there is none or it is no style."""
    if styles is None and len(curves) > len(STYLES):
        raise ValueError(f"curves must be at most {len(STYLES)} without styles, got {len(curves)}")
    if styles is None:
        return dict(zip(curves, STYLES, strict=False))
    if missing := [name for name in curves if name not in styles]:
        raise ValueError(f"styles must name every curve, got none for {missing}")
    for name, (colour, dash) in styles.items():
        if not is_color_like(colour) or dash not in DASHES:
            allowed = f"a colour and one of {', '.join(DASHES)}"
            raise ValueError(f"styles[{name!r}] must be {allowed}, got {(colour, dash)}")
    return styles


def depth_panels(curves: dict[str, dict[str, tuple[Sequence, Sequence]]]) -> Figure:
    """Draw training error over steps, one panel per depth, plain and residual in each.

    Args:
        curves: title -> {"plain": (steps, runs), "residual": (steps, runs)}.
    """
    fig, axes = figure(1, len(curves), width=8.8, height=3.5, sharey=True)
    for ax, (title, pair) in zip(axes, curves.items(), strict=True):
        ends = []
        for (name, (steps, runs)), colour in zip(pair.items(), (GREY, GREEN), strict=True):
            rows = torch.as_tensor(runs).double()
            for row in rows.tolist():
                ax.plot(steps, row, color=colour, lw=1.0, alpha=0.5)
            ax.plot(steps, rows.mean(0).tolist(), color=colour, lw=2.6, marker="o", ms=4)
            ends.append((steps[-1], rows.mean(0)[-1].item(), name, colour))
        ax.set(title=title, xlabel="step", ylim=(0, 95), xlim=(0, ends[0][0]))
        readable(ax)
        fig.draw_without_rendering()
        end_labels(ax, ends, size=13)
    axes[0].set_ylabel("wrong in training (%)")
    return fig
