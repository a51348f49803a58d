"""What README and notebooks repeat: two tables, the minutes, and the repository's address.

Each has one source (the table of chapters, ``results.json``, ``[project.urls]``); the functions
here write the copies, and a test compares them.
"""

import re
from pathlib import Path

from dlnotes.course import CHAPTERS, find, notebooks, root
from dlnotes.course.runner import results
from dlnotes.course.sources import address, ref

_REF = r"[\w-]+(?:\.[\w-]+)*"
# Kaggle's links are its own address, then one of GitHub's
_LINK = re.compile(
    r"(?P<where>github\.com/|colab\.research\.google\.com/github/|(?P<binder>mybinder\.org/v2/gh/))"
    r"(?P<slug>[\w.-]+/[\w-]+(?:\.[\w-]+)*?)(?=\.git\b|(?!\.?[\w-]))"
    rf"(?P<at>(?(binder)/|(?:(?:\.git)?@|/(?:blob|tree|raw)/))(?P<ref>{_REF}))?"
)
_CLONE = re.compile(r"(git clone https://github\.com/[\w.-]+/)([\w.-]+)((?: &&)?\s+cd )[\w.-]+")
_GIVEN = re.compile(
    r"(?:https://github\.com/)?(?P<slug>[A-Za-z0-9][A-Za-z0-9-]*/[\w-]+(?:\.[\w-]+)*?)"
    rf"(?:\.git)?/?(?:@(?P<ref>{_REF}))?"
)


# ---- tables ------------------------------------------------------------------------------------


def updated_readme(text: str) -> str:
    """Return README's text with both tables made anew between their markers.

    Raises:
        ValueError: a marker is missing.
    """
    for name, table in (("chapters", chapters_table()), ("results", results_table())):
        begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
        if text.count(begin) != 1 or text.count(end) != 1:
            raise ValueError(f"README.md must hold {begin} and {end} once each")
        before, rest = text.split(begin)
        text = f"{before}{begin}\n{table}\n{end}{rest.split(end)[1]}"
    return text


def chapters_table() -> str:
    """Return all chapters as a Markdown table; those without a notebook carry no link."""
    measured = results()
    rows = [
        "| chapter | what you make of it | kind | read | run |",
        "| --- | --- | --- | --- | --- |",
    ]
    for chapter in CHAPTERS:
        title = f"{chapter.number:02} {chapter.title}"
        run = run_minutes(measured.get(chapter.name))
        cells = (
            f"[{title}](notebooks/{chapter.file})" if chapter.built else f"{title} (to come)",
            chapter.promise,
            ", ".join(chapter.tags) or "–",
            f"{chapter.read_minutes} min",
            f"{run} min" if run else "–",
        )
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def run_minutes(result: dict | None) -> int | None:
    """Return how long a notebook runs at standard, in whole minutes; None if it never ran."""
    return notebooks.whole_minutes(result["seconds"]) if result else None


def results_table() -> str:
    """Return every recorded number as a Markdown table."""
    rows = ["| chapter | measured | result | trivial baseline | must be |", "|" + " --- |" * 5]
    for name, result in sorted(results().items()):
        for record, entry in result["records"].items():
            bounds = [
                f"{sign} {shown(entry, key)}"
                for key, sign in (("at_least", "≥"), ("at_most", "≤"))
                if key in entry
            ]
            cells = (
                f"[{find(name).number:02}](notebooks/{name}.ipynb)",
                record.replace("_", " "),
                f"**{shown(entry)}**",
                shown(entry, "baseline") if "baseline" in entry else "–",
                ", ".join(bounds) or "–",
            )
            rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def shown(entry: dict, key: str = "value") -> str:
    """Return one number of a record as a reader writes it: "99.20 %"."""
    value, unit = entry[key], entry.get("unit", "")
    return f"{100 * value:.2f} %" if unit == "%" else f"{value:.4g} {unit}".rstrip()


# ---- the repository's address ------------------------------------------------------------------


def addressed_files() -> list[Path]:
    """Return the files that name the repository."""
    folder = root()
    files = [folder / "pyproject.toml", *folder.glob("*.md"), *folder.glob("*.cff")]
    return sorted([*files, *folder.glob("docs/*.md"), *folder.glob("notebooks/**/*.ipynb")])


def foreign_addresses() -> list[str]:
    """Return every link which names another owner's copy of this repository, or another ref."""
    ours, name = _slug(address()), address().split("/")[-1]
    found = []
    for path in addressed_files():
        for match in _LINK.finditer(path.read_text(encoding="utf-8")):
            slug, at = match["slug"], match["ref"]
            elsewhere = match["where"] == "github.com/"  # where links to other projects are fine
            if slug == ours and at in (None, ref()):
                continue
            if slug == ours or not elsewhere or slug.split("/")[1] == name:
                found.append(f"{path.relative_to(root())}: {match[0]}")
    return found


def rewrite_address(new: str) -> list[Path]:
    """Make ``new`` the address everywhere; return the files that changed.

    Args:
        new: "OWNER/REPOSITORY", or the same behind "https://github.com/"; with "@REF" behind it,
            badges open that branch or tag and set-up cells install it. Else the ref stays.

    Raises:
        ValueError: ``new`` has another form.
    """
    given = _GIVEN.fullmatch(new)
    if given is None:
        raise ValueError(
            "address must look like OWNER/REPOSITORY or https://github.com/OWNER/REPOSITORY, "
            f"with @REF behind it for a branch or tag that is not {ref()}, got {new!r}"
        )
    old, slug, at = _slug(address()), given["slug"], given["ref"] or ref()
    changed = []
    for path in addressed_files():
        before = path.read_text(encoding="utf-8")
        after = _LINK.sub(lambda match: _moved(match, old, slug, at), before)
        after = _CLONE.sub(lambda match: f"{match[1]}{match[2]}{match[3]}{match[2]}", after)
        if path.name == "pyproject.toml":
            after = re.sub(r'^ref = "[^"]+"', f'ref = "{at}"', after, flags=re.MULTILINE)
        if after != before:
            notebooks.write(path, after)
            changed.append(path)
    return changed


def _moved(link: re.Match[str], old: str, slug: str, at: str) -> str:
    """Return a link to the new place if it led to the old one, else as it is."""
    if link["slug"] != old:
        return link[0]
    before_ref = link["at"].removesuffix(link["ref"]) + at if link["at"] else ""
    return link["where"] + slug + before_ref


def _slug(url: str) -> str:
    return "/".join(url.split("/")[-2:])
