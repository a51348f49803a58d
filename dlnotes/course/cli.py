"""The command line ``dlnotes``: list, run, read, check, train and publish the course."""

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from dlnotes import PROFILES, course
from dlnotes.course import Chapter

if TYPE_CHECKING:
    from dlnotes.course.runner import Run

# What a command needs is imported inside it: `dlnotes list` must not wait for papermill or torch.

app = typer.Typer(
    help="dlnotes, a course on deep-learning architectures. Chapters are named by number or name: "
    "2, cnn, 02_cnn.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
console = Console()

Chapters = Annotated[list[str] | None, typer.Argument(help="all that are built, if none is named")]
OneChapter = Annotated[str, typer.Argument(help="such as cnn")]
Profile = Annotated[str, typer.Option(help="smoke (seconds), standard (minutes) or full")]
Seed = Annotated[int, typer.Option(min=0, help="of everything random")]
Jobs = Annotated[int, typer.Option(min=1, help="how many notebooks at a time")]
Online = Annotated[
    bool, typer.Option("--online", help="pages load MathJax from the network; needs no npm")
]
Check = Annotated[bool, typer.Option("--check", help="only look; exit 1 if it would change")]


def main() -> None:
    """Run the command line; a wrong argument is one line, not a traceback."""
    try:
        app()
    except (ValueError, FileNotFoundError, ModuleNotFoundError, RuntimeError) as error:
        Console(stderr=True, soft_wrap=True).print(f"[red]dlnotes:[/red] {error}", highlight=False)
        sys.exit(2)


def _chosen(names: list[str] | None) -> list[Chapter]:
    """Return the named chapters, or all that are built."""
    if not names:
        return course.built()
    chapters = [course.find(name) for name in names]
    for chapter in chapters:
        if not chapter.built:
            raise ValueError(f"chapter {chapter.name} has no notebook yet")
    return chapters


def _check_profile(profile: str) -> None:
    if profile not in PROFILES:
        raise ValueError(f"profile must be one of {', '.join(PROFILES)}, got {profile!r}")


# ---- read and run ------------------------------------------------------------------------------


@app.command("list")
def list_() -> None:
    """Show the chapters: what is built, how long it takes, what is stale."""
    from dlnotes.course import notebooks
    from dlnotes.course.digest import digest
    from dlnotes.course.readme import run_minutes
    from dlnotes.course.runner import results

    measured = results()
    table = Table("chapter", "kind", "ids", "read", "run", "outputs")
    for chapter in course.CHAPTERS:
        state = "[dim]to come[/]"
        if chapter.built:
            notebook = notebooks.read(chapter.path)
            stored = notebook.metadata.get("dlnotes", {}).get("digest")
            fresh = stored == digest(notebook)
            state = "[green]stored[/]" if fresh else "[red]stale[/]" if stored else "[red]none[/]"
        run = run_minutes(measured.get(chapter.name))
        times = f"{chapter.read_minutes} min", f"{run} min" if run else "–"
        kind = " ".join(tag[0].upper() for tag in chapter.tags)
        table.add_row(chapter.name, kind, chapter.prefix or "", *times, state)
    console.print(table)
    console.print("D discriminative, G generative; ids: of the notes' items; run: at standard")


@app.command()
def lab(
    update: Annotated[
        bool, typer.Option("--update", help="where both have changed: the course's; yours is kept")
    ] = False,
    open_: Annotated[
        bool, typer.Option("--open/--no-open", help="JupyterLab, or only make the copies")
    ] = True,
) -> None:
    """Open your own copy of the course, runs/lab, in JupyterLab; notebooks/ stays as it is."""
    from dlnotes.course.lab import refresh

    folder = refresh(update=update, report=lambda note: console.print(note, highlight=False))
    start = folder / course.CHAPTERS[0].file
    if not open_:
        console.print(f"your copies are in {os.path.relpath(folder)}", highlight=False)
        return
    page = start if start.is_file() else folder
    raise typer.Exit(subprocess.call([sys.executable, "-m", "jupyter", "lab", str(page)]))


@app.command()
def run(
    chapters: Chapters = None,
    profile: Profile = "standard",
    seed: Seed = 0,
    jobs: Jobs = 1,
    out: Annotated[Path, typer.Option(help="folder for the executed copies")] = Path("runs"),
    force: Annotated[bool, typer.Option("--force", help="run finished ones again")] = False,
    store: Annotated[
        bool, typer.Option("--store", help="keep outputs and numbers in notebooks/ (standard only)")
    ] = False,
    solutions: Annotated[
        bool, typer.Option("--solutions", help="the solutions in place of the chapters")
    ] = False,
) -> None:
    """Run notebooks; finished ones are not run again, and the first cell that fails is shown."""
    from dlnotes.course import runner

    _check_profile(profile)
    if store and (profile != "standard" or solutions):
        raise ValueError("--store keeps the chapters at --profile standard only")
    chosen = _chosen(chapters)
    folder = out / profile / "solutions" if solutions else out / profile
    paths = [c.solutions for c in chosen if c.solutions.is_file()]
    if not solutions:
        paths = [c.path for c in chosen]
    options = {"profile": profile, "seed": seed, "out": folder, "jobs": jobs, "force": force}
    found = _run_with_bars(paths, **options)
    done = [result for result in found if result.status != "failed"]
    if store:
        runner.store(done)
    _show_runs(found)
    if len(done) < len(found):
        raise typer.Exit(1)


_COLOURS = {"ran": "green", "kept": "dim", "failed": "red"}


def _run_with_bars(paths: list[Path], **options: Any) -> "list[Run]":
    """Run notebooks with one progress bar each; options as for ``runner.run_many``."""
    from dlnotes.course.runner import run_many

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        bars = {path: progress.add_task(path.stem, total=None, start=False) for path in paths}

        def on_cell(path: Path, done: int, cells: int) -> None:
            progress.start_task(bars[path])
            progress.update(bars[path], completed=done, total=cells)

        def on_done(path: Path, result: "Run") -> None:
            name = f"[{_COLOURS[result.status]}]{path.stem} {result.status}[/]"
            progress.update(bars[path], description=name, total=1, completed=1)
            progress.stop_task(bars[path])

        return run_many(paths, on_cell=on_cell, on_done=on_done, **options)


def _show_runs(runs: "list[Run]") -> None:
    """Print the failures in full, then one line per notebook."""
    from dlnotes.course.readme import shown

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


@app.command()
def train(
    chapters: Annotated[list[str] | None, typer.Argument(help="such as cnn")] = None,
    *,
    every: Annotated[
        bool, typer.Option("--all", help="every recipe, those needed most first")
    ] = False,
    profile: Profile = "full",
    seed: Seed = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 or mps")] = "auto",
    minutes: Annotated[
        float | None, typer.Option(min=0, help="stop after so long; the same command goes on")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="how many recipes at a time")] = 1,
    checkpoint: Annotated[  # a Path would make "" the current folder
        str | None, typer.Option(help="of one chapter: from which its training goes on")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="folder for the weights [one chapter at full: data/weights]"),
    ] = None,
) -> None:
    """Train the weights which chapters ship, as their recipes say: one chapter, several, or all."""
    from dlnotes.course import train as trainer

    _check_profile(profile)
    if every == bool(chapters):
        raise ValueError("name the chapters to train, or give --all")
    options: dict[str, Any] = {"profile": profile, "seed": seed, "device": device}
    if chapters is None or len(chapters) > 1 or jobs > 1:
        if checkpoint is not None:
            raise ValueError("--checkpoint is for one chapter; several keep theirs in --out")
        folder = out or Path("runs") / "trained" / profile
        found = trainer.train_all(
            chapters, out=folder, minutes=minutes, jobs=jobs, report=console.print, **options
        )
        console.print(trainer.table(found))
        if any(done.path is None for done in found.values()):
            console.print(f"not all are finished; the same command goes on from {folder}")
            raise typer.Exit(1 if any(done.error for done in found.values()) else 130)
        return
    name, _ = trainer.names(chapters[0])
    if checkpoint == "":
        raise ValueError('--checkpoint must name a folder, got ""')
    own = Path("runs") / "checkpoints" / f"{name}-{profile}-{seed}"
    folder = own if checkpoint is None else Path(checkpoint)
    seconds = None if minutes is None else 60 * minutes
    done = trainer.train(chapters[0], checkpoint=folder, out=out, seconds=seconds, **options)
    if done.path is None:
        console.print(f"interrupted; the same command goes on from {folder}")
        raise typer.Exit(130)
    table = Table("metric", "value", title=f"{done.path.name}, trained in {done.seconds:.0f} s")
    for metric, value in done.metrics.items():
        table.add_row(metric, f"{value:.4f}")
    console.print(table)


# ---- check -------------------------------------------------------------------------------------


@app.command()
def check() -> None:
    """Check this machine: versions, data files, and that its devices compute right."""
    from dlnotes.course import check as checks

    good = _show_checks("environment", checks.environment())
    good &= _show_checks("data", checks.data_files())
    good &= _show_checks("devices", checks.devices())
    if not good:
        raise typer.Exit(1)


def _show_checks(title: str, rows: Iterable[tuple[str, str, bool]]) -> bool:
    """Print what was looked at and return whether all is well."""
    table = Table("", "", "", title=title, show_header=False, title_justify="left")
    good = True
    for name, verdict, passed in rows:
        table.add_row("[green]✓[/]" if passed else "[red]✗[/]", name, verdict)
        good &= passed
    console.print(table)
    return good


# ---- write -------------------------------------------------------------------------------------


@app.command("format")
def format_(chapters: Chapters = None, check: Check = False) -> None:
    """Bring notebooks and their solutions into the one form they have in git."""
    from dlnotes.course import notebooks

    changed = [
        path
        for chapter in _chosen(chapters)
        for path in (chapter.path, chapter.solutions)
        if path.is_file() and notebooks.format_file(path, check=check)
    ]
    _report(changed, check)


@app.command()
def readme(check: Check = False) -> None:
    """Write the tables of README.md anew."""
    from dlnotes.course.notebooks import write
    from dlnotes.course.readme import updated_readme

    path = course.root() / "README.md"
    before = path.read_text(encoding="utf-8")
    after = updated_readme(before)
    if after != before and not check:
        write(path, after)
    _report([path] if after != before else [], check)


@app.command()
def address(
    new: Annotated[
        str | None, typer.Argument(metavar="OWNER/REPO[@REF]", help="or https://github.com/...")
    ] = None,
) -> None:
    """Check that every link names this repository; with OWNER/REPO, make that its place.

    Badges, links and set-up cells then lead there, and to the branch or tag REF.
    """
    from dlnotes.course import sources
    from dlnotes.course.readme import foreign_addresses, rewrite_address

    if new is not None:
        _report(rewrite_address(new), check=False)
    place = f"{sources.address()}@{sources.ref()}"
    foreign = foreign_addresses()
    for link in foreign:
        console.print(f"not {place}: {link}", soft_wrap=True)
    if foreign:
        raise typer.Exit(1)
    console.print(place)


def _report(changed: list[Path], check: bool) -> None:
    for path in changed:
        shown = os.path.relpath(path)
        console.print(f"{'would change' if check else 'written'}: {shown}", highlight=False)
    if check and changed:
        raise typer.Exit(1)


# ---- publish -----------------------------------------------------------------------------------


@app.command()
def slides(
    chapters: Chapters = None,
    out: Annotated[Path, typer.Option(help="folder")] = Path("build/slides"),
    online: Online = False,
) -> None:
    """Make decks of slides, one for each part of a chapter."""
    from dlnotes.course import publish

    for chapter in _chosen(chapters):
        for deck in publish.slides(chapter, out, online=online):
            console.print(f"written: {deck}", highlight=False)


@app.command()
def site(
    out: Annotated[Path, typer.Option(help="folder")] = Path("build/site"),
    online: Online = False,
) -> None:
    """Build the course as a website, from the stored outputs."""
    from dlnotes.course import publish

    console.print(f"written: {publish.site(out, online=online)}", highlight=False)


if __name__ == "__main__":
    main()
