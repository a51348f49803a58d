"""Slides and a website, made from the notebooks as they are stored.

Nothing is run. What they look like is said in ``docs/``: a template of nbconvert for the slides,
the configuration of Sphinx for the site. Both can be made to open without a network: the few files
that browsers would load from elsewhere are fetched once with npm into a folder beside them.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from dlnotes.course import Chapter, notebooks, root

NETWORK = "https://cdn.jsdelivr.net/npm"  # has the files of every npm package
VENDOR = "vendor"  # folder with the same files, where there is no network
REVEAL = "reveal.js@4.6.1"
MATHJAX = "mathjax@3.2.2/es5/tex-svg-full.js"  # one file, no fonts
NEEDED = {  # npm package -> which of its files
    REVEAL: (
        "LICENSE",
        "dist/reveal.css",
        "dist/reveal.js",
        "dist/theme/white.css",
        "dist/theme/fonts/source-sans-pro/*.css",
        "dist/theme/fonts/source-sans-pro/*.woff",
        "plugin/notes/notes.js",
    ),
    MATHJAX.split("/")[0]: ("LICENSE", MATHJAX.split("/", 1)[1]),
}


# ---- slides ------------------------------------------------------------------------------------


def slides(chapter: Chapter, out: Path, *, offline: bool = False) -> Path:
    """Write a chapter's deck of slides and return its file.

    Args:
        chapter: must be built.
        out: folder.
        offline: fetch reveal.js and MathJax into ``out/vendor``, so that the deck opens without a
            network. Needs npm, and a network now.
    """
    return slides_of(chapter.path, out, offline=offline)


def slides_of(path: Path, out: Path, *, offline: bool = False) -> Path:
    """Write the deck of one notebook file; arguments as for ``slides``."""
    from nbconvert.exporters import SlidesExporter  # half a second that only this needs

    out, address = Path(out), NETWORK
    if offline:
        address = VENDOR
        for package in NEEDED:
            fetch(package, out / VENDOR)
    exporter = SlidesExporter(
        extra_template_basedirs=[str(root() / "docs")],
        template_name="slides",
        reveal_theme="white",
        reveal_url_prefix=f"{address}/{REVEAL}",
        mathjax_url=f"{address}/{MATHJAX}",
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )
    text, _ = exporter.from_notebook_node(
        notebooks.read(path), {"metadata": {"name": Path(path).stem}}
    )
    target = out / f"{Path(path).stem}.slides.html"
    notebooks.write(target, text)
    return target


def fetch(package: str, folder: Path) -> None:
    """Fetch what is needed of an npm package, as ``NEEDED`` names it, into ``folder/PACKAGE`` once.

    Raises:
        RuntimeError: npm is missing, or could not fetch it.
    """
    target = Path(folder) / package
    if target.is_dir():
        return
    npm = shutil.which("npm")
    if npm is None:
        raise RuntimeError(f"npm is needed to fetch {package}: install Node.js or leave --offline")
    with tempfile.TemporaryDirectory() as place:
        command = [npm, "install", "--prefix", place, "--no-save", "--ignore-scripts", package]
        done = subprocess.run(command, cwd=place, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"npm could not fetch {package}: {done.stderr.strip()}")
        source, kept = Path(place, "node_modules", package.split("@")[0]), Path(place, "kept")
        for pattern in NEEDED[package]:
            for file in source.glob(pattern):
                copy = kept / file.relative_to(source)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, copy)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(kept, target)


# ---- website -----------------------------------------------------------------------------------


def site(out: Path, *, offline: bool = False) -> Path:
    """Build the website of all chapters that are built and return its first page.

    Args:
        out: folder.
        offline: fetch MathJax with npm and refer to it, so that formulas show without a network.
    """
    out = Path(out).resolve()
    source = out.with_name(out.name + "-source")
    shutil.rmtree(source, ignore_errors=True)
    unwanted = shutil.ignore_patterns(".*", "*.json")
    shutil.copytree(root() / "notebooks", source / "notebooks", ignore=unwanted)
    shutil.copy(root() / "README.md", source / "index.md")
    for picture in root().glob(".github/*.png"):
        copy = source / picture.relative_to(root())
        copy.parent.mkdir(exist_ok=True)
        shutil.copy(picture, copy)
    options = []
    if offline:
        fetch(MATHJAX.split("/")[0], out / "_static" / VENDOR)
        options = ["-D", f"mathjax_path={VENDOR}/{MATHJAX}"]
    command = [sys.executable, "-m", "sphinx", "-q", "-c", str(root() / "docs"), *options]
    environment = os.environ | {"PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    subprocess.run([*command, str(source), str(out)], check=True, env=environment)
    return out / "index.html"
