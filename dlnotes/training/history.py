"""What a training run did: its losses and learning rates, and where its best epoch was."""

import math
from dataclasses import dataclass, field, fields
from typing import Any

from dlnotes.checks import check_choice

SCHEDULES = (None, "cosine", "one_cycle")


@dataclass
class History:
    """What happened in a training run.

    Attributes:
        steps: one row per optimizer step: "step", "epoch" (a fraction), "loss" before the step,
            "learning_rate", and what else the loss returned.
        epochs: one row per epoch: "step", "epoch", "seconds" so far, "train_loss" (mean over the
            epoch's steps) and other means of that kind, and what ``validate`` returned.
        seconds: time the training took, all sessions together.
        best: the row of ``epochs`` with the best monitored value; None without ``monitor``.
        interrupted: the run was stopped, by Ctrl-C or ``max_seconds``, and can be resumed.
    """

    steps: list[dict[str, float]] = field(default_factory=list)
    epochs: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0
    best: dict[str, float] | None = None
    interrupted: bool = False

    def column(self, name: str, *, against: str = "step") -> tuple[list[float], list[float]]:
        """Return one quantity as (x, y), ready to plot.

        Args:
            name: a key of the rows of ``steps`` or ``epochs``.
            against: "step" or "epoch", what x counts.
        """
        check_choice(("step", "epoch"), against=against)
        for rows in (self.steps, self.epochs):
            found = [row for row in rows if name in row]
            if found:
                return [row[against] for row in found], [row[name] for row in found]
        names = sorted({key for row in (*self.steps[:1], *self.epochs) for key in row})
        raise ValueError(f"name must be one of {', '.join(names)}, got {name!r}")

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists, dicts and numbers."""
        return {item.name: getattr(self, item.name) for item in fields(self)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "History":
        """Undo ``to_dict``."""
        return cls(**values)


def schedule_factor(
    step: int, total: int, *, schedule: str | None = None, warmup: float = 0.0
) -> float:
    """Return the learning rate of a step as a multiple of its largest value.

    Args:
        step: number of the step, from 0.
        total: steps of the whole run.
        schedule: None = constant; "cosine" falls to 0 along half a cosine; "one_cycle" rises along
            a cosine from 1/25 during the first 30 % and falls to 1/250,000 (Smith & Topin 2018,
            with the numbers of ``torch.optim.lr_scheduler.OneCycleLR``).
        warmup: share of the steps in which the rate of None or "cosine" rises linearly from 0.
    """
    check_choice(SCHEDULES, schedule=schedule)

    def cosine(start: float, end: float, share: float) -> float:
        return end + (start - end) * (1 + math.cos(math.pi * share)) / 2

    if schedule == "one_cycle":
        peak = max(0.3 * total - 1, 1e-9)
        if step <= peak:
            return cosine(1 / 25, 1.0, step / peak)
        return cosine(1.0, 1 / 250_000, (step - peak) / max(total - 1 - peak, 1e-9))
    rising = warmup * total
    if step < rising:
        return (step + 1) / (rising + 1)
    if schedule is None:
        return 1.0
    return cosine(1.0, 0.0, (step - rising) / max(total - rising, 1e-9))
