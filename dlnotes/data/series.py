"""Readers of the time series behind ``dlnotes.data``, which is where they are used from."""

import csv
import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from dlnotes.checks import check_between
from dlnotes.data import files


@dataclass(frozen=True)
class Series:
    """A time series of one or more variables.

    Args:
        time: (T,) numpy datetime64, increasing.
        values: (T, V) float32; nan where nothing was measured.
        names: V names of the variables.
        units: V units.
    """

    time: np.ndarray
    values: Tensor
    names: tuple[str, ...]
    units: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.time)

    def split(self, fraction: float) -> tuple["Series", "Series"]:
        """Return the first ``fraction`` of the time steps, and the rest.

        Past and future are never mixed. Compute what a model is told about the data (its mean and
        scale) on the first part alone.

        Args:
            fraction: in [0, 1], such that neither part is empty.
        """
        check_between(0, 1, fraction=fraction)
        cut = round(fraction * len(self))
        if not 0 < cut < len(self):
            raise ValueError(
                f"fraction must leave something of {len(self)} steps on both sides, got {fraction}"
            )
        return self._slice(slice(None, cut)), self._slice(slice(cut, None))

    def filled(self) -> "Series":
        """Return the series with each gap filled by the last value before it.

        Interpolation would look into the future. A gap at the very beginning stays nan.
        """
        steps = torch.arange(len(self))[:, None].expand(self.values.shape)
        last = torch.where(self.values.isnan(), 0, steps).cummax(dim=0).values
        return replace(self, values=self.values.gather(0, last))

    def _slice(self, part: slice) -> "Series":
        return replace(self, time=self.time[part].copy(), values=self.values[part].clone())


def co2() -> Series:
    """Return the carbon dioxide in the air at Mauna Loa, weekly, 1958 to 2001; 59 weeks missing."""
    rows = _rows("co2_weekly.csv")
    days = [f"{date[:4]}-{date[4:6]}-{date[6:]}" for date, _ in rows]
    return _series(days, "D", [row[1:] for row in rows], co2="ppm")


def sunspots() -> Series:
    """Return the mean number of sunspots of each year, 1700 to 2008."""
    rows = _rows("sunspots_yearly.csv")
    return _series([row[0] for row in rows], "Y", [row[1:] for row in rows], sunspots="spots")


def el_nino() -> Series:
    """Return the temperature of the sea in the region Niño 1+2, monthly, 1950 to 2010."""
    rows = _rows("elnino_monthly.csv")
    months = [f"{row[0]}-{month:02d}" for row in rows for month in range(1, 13)]
    values = [[value] for row in rows for value in row[1:]]
    return _series(months, "M", values, sea_surface_temperature="°C")


def seattle_weather() -> Series:
    """Return four measurements of the weather in Seattle, daily, 2012 to 2015."""
    rows = _rows("seattle_weather.csv")
    days = [row[0].replace("/", "-") for row in rows]
    units = dict(precipitation="mm", temp_max="°C", temp_min="°C", wind="m/s")
    return _series(days, "D", [row[1:5] for row in rows], **units)  # the sixth column is a word


def _rows(name: str) -> list[list[str]]:
    return list(csv.reader(files.read(name).decode("utf-8").splitlines()))[1:]


def _series(times: list[str], unit: str, rows: list[list[str]], **variables: str) -> Series:
    numbers = [[float(value) if value else math.nan for value in row] for row in rows]
    time = np.array(times, dtype=f"datetime64[{unit}]")
    return Series(time, torch.tensor(numbers), tuple(variables), tuple(variables.values()))
