"""data/README.md and data/build.py say what lies in data/."""

import re
import subprocess
import sys
from pathlib import Path

from data.common import damage, sha256
from dlnotes.files import SUMS, read_sums

HERE = Path(__file__).parents[2] / "data"


def test_the_readme_lists_every_shipped_file_with_size_and_sha256():
    rows = re.findall(r"^\| `(.+?)` \| ([\d,]+) \|.*\| `([0-9a-f]{64})` \|$", readme(), re.M)
    listed = {name: (int(size.replace(",", "")), digest) for name, size, digest in rows}
    table = read_sums(HERE / SUMS)
    files = {name: (HERE / name).read_bytes() for name in table}
    assert listed == {name: (len(content), sha256(content)) for name, content in files.items()}
    assert {name: sha256(content) for name, content in files.items()} == table
    assert f"{sum(map(len, files.values())):,} bytes" in readme()


def test_no_data_file_lies_here_unlisted():
    listed = set(read_sums(HERE / SUMS))
    present = {path.name for path in HERE.iterdir() if path.is_file()}
    assert present - listed == {"README.md", "SHA256SUMS", "build.py"}


def readme():
    return (HERE / "README.md").read_text(encoding="utf-8")


def run_build(*arguments):
    command = [sys.executable, str(HERE / "build.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8")


def test_the_check_of_the_builder_passes_what_is_right_and_names_what_is_wrong(tmp_path):
    assert run_build("--check").returncode == 0
    for name in ("names.tsv.xz", "sunspots_yearly.csv"):
        (tmp_path / name).write_bytes(damage((HERE / name).read_bytes()))
    digest = sha256((HERE / "names.tsv.xz").read_bytes())
    (tmp_path / "SHA256SUMS").write_text(f"{digest}  names.tsv.xz\n")
    result = run_build("--check", "--out", str(tmp_path))
    assert result.returncode == 1
    assert "✗ names.tsv.xz has sha256" in result.stdout
    assert "✗ sotu.tsv.xz is not listed in SHA256SUMS" in result.stdout


def test_the_builder_refuses_a_file_that_it_does_not_know():
    result = run_build("austen.txt")
    assert result.returncode == 2 and "no such file: austen.txt; there are" in result.stderr
