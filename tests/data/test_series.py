"""dlnotes.data.series: what the files hold, split in time."""

import math

import numpy as np
import pytest
import torch

from data.common import SERIES, lines
from dlnotes import data


@pytest.mark.parametrize(
    ("read", "file", "columns"),
    [
        (data.co2, "co2_weekly.csv", [1]),
        (data.sunspots, "sunspots_yearly.csv", [1]),
        (data.el_nino, "elnino_monthly.csv", range(1, 13)),
        (data.seattle_weather, "seattle_weather.csv", range(1, 5)),
    ],
)
def test_series_are_what_numpy_reads_from_the_file(read, file, columns):
    series = read()
    theirs = np.genfromtxt(lines(file), delimiter=",", skip_header=1, usecols=columns)
    theirs = theirs.reshape(len(series), -1)
    assert np.array_equal(series.values.numpy(), theirs.astype(np.float32), equal_nan=True)
    assert series.values.shape == (len(series.time), len(series.names))
    assert len(series.names) == len(series.units)


@pytest.mark.parametrize(
    ("read", "first", "last", "step"),
    [
        (data.co2, "1958-03-29", "2001-12-29", 7),
        (data.sunspots, "1700", "2008", 1),
        (data.el_nino, "1950-01", "2010-12", 1),
        (data.seattle_weather, "2012-01-01", "2015-12-31", 1),
    ],
)
def test_series_have_regular_times(read, first, last, step):
    time = read().time
    assert (str(time[0]), str(time[-1])) == (first, last)
    assert set(np.diff(time).astype(int)) == {step}


def test_missing_weeks_are_nan_and_are_filled_from_the_past_alone():
    series = data.co2()
    assert series.values.isnan().sum() == 59
    filled = series.filled()
    last = math.nan
    for value, ours in zip(series.values[:, 0].tolist(), filled.values[:, 0].tolist(), strict=True):
        last = last if math.isnan(value) else value
        assert ours == last
    beginning, _ = series.split(0.5)
    assert torch.equal(beginning.filled().values, filled.values[: len(beginning)])


def test_a_gap_at_the_beginning_cannot_be_filled():
    time = np.arange(4).astype("datetime64[D]")
    values = torch.tensor([[math.nan, 1.0], [2.0, math.nan], [math.nan, math.nan], [3.0, 4.0]])
    filled = data.Series(time, values, ("a", "b"), ("", "")).filled().values
    expected = torch.tensor([[math.nan, 1.0], [2.0, 1.0], [2.0, 1.0], [3.0, 4.0]])
    assert torch.equal(filled.nan_to_num(-1), expected.nan_to_num(-1))


@pytest.mark.parametrize("read", SERIES)
@pytest.mark.parametrize("fraction", [0.01, 0.5, 0.8])
def test_a_series_is_split_in_time_without_overlap(read, fraction):
    series = read()
    past, future = series.split(fraction)
    assert len(past) == round(fraction * len(series)) == len(past.values)
    assert past.time[-1] < future.time[0]
    assert np.array_equal(np.concatenate([past.time, future.time]), series.time)
    joined = torch.cat([past.values, future.values])
    assert torch.equal(joined.nan_to_num(-1), series.values.nan_to_num(-1))
    assert past.names == future.names == series.names and past.units == series.units
    past.values.fill_(0)
    assert not (series.values[: len(past)] == 0).all()


@pytest.mark.parametrize(
    ("wrong", "error"), [(0, ValueError), (1.0, ValueError), (80, ValueError), ("1", TypeError)]
)
def test_a_split_in_time_leaves_something_on_both_sides(wrong, error):
    with pytest.raises(error, match="fraction must"):
        data.sunspots().split(wrong)
