"""What the command line shows on the terminal: bars, tables, failures."""

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from dlnotes.course.readme import shown
from dlnotes.course.runner import Run, run_many

_COLOURS = {"ran": "green", "kept": "dim", "failed": "red"}


def run_with_bars(console: Console, paths: list[Path], **options: Any) -> list[Run]:
    """Run notebooks with one progress bar each; options as for ``runner.run_many``."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        bars = {path: progress.add_task(path.stem, total=None, start=False) for path in paths}

        def on_cell(path: Path, done: int, cells: int) -> None:
            progress.start_task(bars[path])
            progress.update(bars[path], completed=done, total=cells)

        def on_done(path: Path, result: Run) -> None:
            name = f"[{_COLOURS[result.status]}]{path.stem} {result.status}[/]"
            progress.update(bars[path], description=name, total=1, completed=1)
            progress.stop_task(bars[path])

        return run_many(paths, on_cell=on_cell, on_done=on_done, **options)


def show_runs(console: Console, runs: list[Run]) -> None:
    """Print the failures in full, then one line per notebook."""
    for run in runs:
        if run.status == "failed":
            console.rule(f"[red]{run.name}")
            console.print(run.error, markup=False, highlight=False)
    table = Table("notebook", "", "seconds", "recorded")
    for run in runs:
        colour = _COLOURS[run.status]
        numbers = ", ".join(f"{name} {shown(entry)}" for name, entry in run.records.items())
        table.add_row(run.name, f"[{colour}]{run.status}[/]", f"{run.seconds:.0f}", numbers)
    console.print(table)
