"""What the repository promises as a whole: one list of dependencies, one version, nothing stray."""

import ast
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml
from hatchling.builders.wheel import WheelBuilder

import dlnotes
from dlnotes import course

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # comes with pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
TOP_LEVEL = {
    *(".binder", ".ci", ".gitattributes", ".github", ".gitignore", ".pre-commit-config.yaml"),
    *("CHANGELOG.md", "CITATION.cff", "CONTRIBUTING.md", "LICENSE", "Makefile", "README.md"),
    *("data", "dlnotes", "docs", "environment.yml", "notebooks", "pyproject.toml", "tests"),
    "tools",
}
MEBIBYTE = 2**20


def committed_files() -> list[Path]:
    """What git has, and what a commit of everything would add."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs git and a checkout")
    return [path for name in sorted(set(names.split("\0"))) if (path := ROOT / name).is_file()]


def texts() -> dict[str, str]:
    """The committed files that are text, by their names."""
    binary = {".xz", ".png", ".safetensors"}
    return {
        str(path.relative_to(ROOT)): path.read_text("utf-8")
        for path in committed_files()
        if path.suffix not in binary and path.parent.name != "data"
    }


def requirement_name(requirement: str) -> str:
    return re.match(r"[A-Za-z0-9._-]+", requirement).group().lower()


# ---- one list of dependencies --------------------------------------------------------------------


def test_every_dependency_is_a_range_and_never_pinned():
    lists = [PROJECT["project"]["dependencies"]]
    lists += PROJECT["project"]["optional-dependencies"].values()
    requirements = [r for some in lists for r in some if not r.startswith("dlnotes[")]
    assert len(requirements) > 20
    for requirement in requirements:
        assert re.fullmatch(r"[A-Za-z0-9._-]+>=[0-9.]+( *;.*)?", requirement), requirement


def test_the_extras_are_notebooks_test_and_site():
    extras = PROJECT["project"]["optional-dependencies"]
    assert set(extras) == {"notebooks", "test", "site"}
    assert "dlnotes[notebooks]" in extras["test"] and "dlnotes[notebooks]" in extras["site"]


def test_environment_yml_names_python_and_pip_and_points_at_pyproject_for_the_rest():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))
    assert set(environment) == {"name", "channels", "dependencies"}
    conda = [d for d in environment["dependencies"] if isinstance(d, str)]
    [pip] = [d["pip"] for d in environment["dependencies"] if isinstance(d, dict)]
    assert [re.split("[=<>]", d)[0] for d in conda] == ["python", "pip"]
    assert pip == ["-e .[notebooks]"]


def test_binder_gets_what_pyproject_says_with_the_cpu_build_of_torch():
    environment = yaml.safe_load((ROOT / ".binder/environment.yml").read_text("utf-8"))
    assert environment["dependencies"] == ["python=3.12", "pip", "uv"]
    script = ROOT / ".binder/postBuild"
    assert script.read_text("utf-8").startswith("#!/usr/bin/env bash\n")
    assert script.read_text("utf-8").endswith('--torch-backend cpu -e ".[notebooks]"\n')
    modes = subprocess.run(
        ["git", "ls-files", "-s", ".binder/postBuild"], cwd=ROOT, capture_output=True, text=True
    )
    assert modes.returncode or modes.stdout.startswith("100755")  # else Binder does not run it


def test_no_other_file_lists_dependencies():
    other = re.compile(r"(requirements.*\.txt|setup\.(py|cfg)|Pipfile|poetry\.lock|uv\.lock)$")
    assert [str(p) for p in committed_files() if other.search(p.name)] == []


def test_the_constraints_of_ci_are_names_and_versions_only_and_satisfy_pyproject():
    lines = (ROOT / ".ci/constraints.txt").read_text("utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    for pin in pins:
        assert re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*", pin), pin
    versions = dict(pin.split("==") for pin in pins)
    assert len(versions) == len(pins)
    for requirement in PROJECT["project"]["dependencies"]:
        name, oldest = requirement.split(">=")
        assert as_numbers(versions[name]) >= as_numbers(oldest), requirement


def as_numbers(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version)]


def test_every_third_party_import_of_the_package_is_a_declared_dependency():
    declared = {requirement_name(r) for r in PROJECT["project"]["dependencies"]}
    extras = PROJECT["project"]["optional-dependencies"]
    for_course = declared | {requirement_name(r) for some in extras.values() for r in some}
    package_of = {"IPython": "ipython", "sklearn": "scikit-learn", "PIL": "pillow"}
    package_of |= {"lightning_fabric": "lightning-fabric"}
    indirect = {"nbformat", "nbclient", "traitlets"}  # come with nbconvert
    indirect |= {"cycler", "packaging"}  # come with matplotlib
    indirect |= {"dlnotes", *sys.stdlib_module_names}
    for path in (ROOT / "dlnotes").rglob("*.py"):
        allowed = for_course if "course" in path.parts else declared
        if path.parent.name in ("exercises", "figures"):
            allowed = declared | {requirement_name(r) for r in extras["notebooks"]}
        for module in imported_modules(path) - indirect:
            assert package_of.get(module, module) in allowed, f"{path}: {module} is not declared"


def imported_modules(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(node.module.split(".")[0])
    return found


# ---- one version, one address --------------------------------------------------------------------


def test_the_version_is_the_same_everywhere():
    citation = yaml.load((ROOT / "CITATION.cff").read_text("utf-8"), yaml.BaseLoader)
    assert PROJECT["project"]["version"] == dlnotes.__version__ == citation["version"]


def test_the_citation_has_what_the_format_requires_and_our_address():
    citation = yaml.load((ROOT / "CITATION.cff").read_text("utf-8"), yaml.BaseLoader)
    assert citation["cff-version"] == "1.2.0"
    for field in ("message", "title", "authors"):
        assert citation[field], field
    assert citation["type"] == "software" and citation["license"] == "MIT"
    assert all("name" in author or "family-names" in author for author in citation["authors"])
    assert citation["repository-code"] == PROJECT["project"]["urls"]["Repository"]


# ---- README --------------------------------------------------------------------------------------

README = (ROOT / "README.md").read_text("utf-8")


SERVICES = ["colab.research.google.com/github/", "kaggle.com/kernels/welcome?src="]


@pytest.mark.parametrize("service", [*SERVICES, "mybinder.org/v2/gh/"])
def test_readme_offers_every_built_chapter_in_the_browser_and_no_other(service):
    links = re.findall(rf"{re.escape(service)}[^)]*?(\d\d_\w+)\.ipynb", README)
    assert links == [chapter.name for chapter in course.built()]


def test_every_file_that_readme_links_exists():
    targets = [t for t in re.findall(r"\]\(([^)\s]+)\)", README) if not re.match(r"\w+:|#", t)]
    assert "LICENSE" in targets
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_readme_shows_both_commands_and_every_target_of_the_makefile_says_what_it_does():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in ("lab", "test", "course", "slides", "site", "format", "clean"):
        assert re.search(rf"^{target}:", makefile, re.M), target
        assert f"@echo 'make {target} " in makefile, target
    assert "make lab " in README and "make test " in README


# ---- nothing stray -------------------------------------------------------------------------------


def test_every_top_level_entry_is_one_that_the_layout_knows():
    entries = {path.relative_to(ROOT).parts[0] for path in committed_files()}
    assert entries <= TOP_LEVEL, f"unexpected: {sorted(entries - TOP_LEVEL)}"


@pytest.mark.parametrize("name", ["src", "data.zip", "notes.md"])
def test_another_top_level_entry_would_be_noticed(name):
    assert name not in TOP_LEVEL


FOLDERS_OF_A_MACHINE = "|".join(["home", "Users", "root", "tmp", "work", "mnt", "opt"])
MACHINE_PATH = re.compile(rf"(?<![\w.~$}}\])/-])/({FOLDERS_OF_A_MACHINE})/[\w.-]+")
HOSTS = ["pypi" + ".org", "pythonhosted" + ".org", "registry" + ".npmjs", "deb" + "ian.org"]
HOSTS += ["download." + "pytorch", "conda" + ".anaconda", "proxy.golang" + ".org"]


def test_no_file_names_a_path_of_one_machine():
    found = {name: MACHINE_PATH.search(text) for name, text in texts().items()}
    assert {name: hit.group() for name, hit in found.items() if hit} == {}


def test_a_path_of_one_machine_would_be_noticed():
    for folder in ("home/ann", "Users/ann", "root/x", "work/main"):
        assert MACHINE_PATH.search(f'open("/{folder}/data.csv")'), folder
    assert not MACHINE_PATH.search("see https://example.com/home/ann and notebooks/work/x")


def test_no_file_names_the_host_of_a_package_index():
    found = [(name, host) for name, text in texts().items() for host in HOSTS if host in text]
    assert found == []


def test_no_file_is_larger_than_five_megabytes():
    large = {str(p): p.stat().st_size for p in committed_files() if p.stat().st_size > 5_000_000}
    assert large == {}


def test_the_data_stays_small():
    files = [p for p in committed_files() if p.is_relative_to(ROOT / "data")]
    weights = [p.stat().st_size for p in files if p.is_relative_to(ROOT / "data" / "weights")]
    data = sum(p.stat().st_size for p in files) - sum(weights)
    assert 10 * MEBIBYTE < data <= 25 * MEBIBYTE
    assert max(weights, default=0) <= 2 * MEBIBYTE
    assert sum(weights) <= 12 * MEBIBYTE


def test_the_code_is_python_3_10():
    paths = [p for p in committed_files() if p.suffix == ".py"]
    assert len(paths) > 10
    for path in paths:
        ast.parse(path.read_text("utf-8"), str(path), feature_version=(3, 10))
    with pytest.raises(SyntaxError):  # that the parser does refuse what is newer
        ast.parse("try:\n    pass\nexcept* ValueError:\n    pass", feature_version=(3, 10))


# ---- the wheel -----------------------------------------------------------------------------------


def test_the_wheel_holds_the_package_and_its_data_and_nothing_else(tmp_path):
    [path] = WheelBuilder(str(ROOT)).build(directory=str(tmp_path))
    names = set(zipfile.ZipFile(path).namelist())
    shipped = {p.relative_to(ROOT) for p in committed_files()}
    package = {p.as_posix() for p in shipped if p.parts[0] == "dlnotes"}
    data = {p for p in shipped if p.parts[0] == "data" and p.name != "build.py"}
    data = {"dlnotes/_data/" + p.relative_to("data").as_posix() for p in data}
    assert {name for name in names if ".dist-info/" not in name} == package | data
