"""dlnotes.files: tables of sha256 are read in one way, and no file is ever half written."""

import os
import stat
import subprocess
import sys

import pytest

from dlnotes import files

A, B = "a" * 64, "0123456789abcdef" * 4


def test_what_is_written_as_a_table_is_read_again_and_sorted(tmp_path):
    sums = {"z.xz": A, "folder/my net.safetensors": B}
    text = files.sums_text(sums)
    assert text == f"{B}  folder/my net.safetensors\n{A}  z.xz\n"
    files.write_text(tmp_path / "SHA256SUMS", text)
    assert files.read_sums(tmp_path / "SHA256SUMS") == sums
    assert files.sums_text({}) == ""


def test_a_table_is_what_sha256sum_writes(tmp_path):
    for name, content in (("one.txt", b"1"), ("two.bin", b"\x00\r\n")):
        (tmp_path / name).write_bytes(content)
    table = tmp_path / "SHA256SUMS"
    for option in ("--text", "--binary"):  # the second writes "*two.bin"
        command = ["sha256sum", option, "one.txt", "two.bin"]
        try:
            printed = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True).stdout
        except OSError:
            pytest.skip("needs sha256sum")
        table.write_bytes(printed)
        assert files.sums_text(files.read_sums(table)).encode() == printed.replace(b" *", b"  ")


def test_blank_lines_and_lines_from_windows_do_not_matter():
    content = f"\n{A}  a.txt\r\n\r\n{B} *b.txt\r\n".encode()
    assert files.parse_sums(content, "table") == {"a.txt": A, "b.txt": B}


def test_where_there_is_no_table_nothing_is_listed(tmp_path):
    assert files.read_sums(tmp_path / "SHA256SUMS") == {}


@pytest.mark.parametrize(
    "line",
    ["one two three", A, f"{A} name", f"{A}   ", f"name  {A}", f"{A.upper()}  a", "\xff\x00"],
)
def test_a_damaged_table_is_named_with_the_line_and_the_remedy(tmp_path, line):
    table = tmp_path / "SHA256SUMS"
    table.write_bytes(f"{B}  fine.txt\n".encode() + line.encode("latin-1"))
    with pytest.raises(files.DataError) as error:
        files.read_sums(table, remedy="Fetch it again.")
    message = str(error.value)
    assert message.startswith(f'the table {table} is damaged: line 2 must be "sha256  name", got ')
    assert message.endswith(". Fetch it again.")
    with pytest.raises(files.DataError, match=r"is damaged: line 1 .*\.$"):
        files.parse_sums(line.encode("latin-1"), table)


def test_a_file_is_replaced_as_a_whole_and_its_folder_is_made(tmp_path):
    path = tmp_path / "new" / "folder" / "x.txt"
    files.write_text(path, "old\n")
    files.write_text(path, "ärger\n")
    assert path.read_bytes() == "ärger\n".encode()  # no carriage returns on any system
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("moment", ["write", "replace"])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, moment):
    path = tmp_path / "x.txt"
    files.write_text(path, "old")

    def fail(*_):
        raise OSError("disk full")

    def write(temporary):
        assert temporary.parent == tmp_path and temporary != path
        temporary.write_text("half of")
        assert path.read_text() == "old"
        return fail() if moment == "write" else None

    if moment == "replace":
        monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        files.write_atomically(path, write)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
@pytest.mark.parametrize("before", [None, 0o600, 0o444])
def test_a_file_keeps_its_permissions_and_a_new_one_has_the_systems(tmp_path, before):
    def write_privately(temporary):  # as safetensors does
        temporary.write_text("new")
        temporary.chmod(0o600)

    path, old = tmp_path / "x.txt", os.umask(0o027)
    try:
        if before is not None:
            path.write_text("old")
            path.chmod(before)
        files.write_atomically(path, write_privately)
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == (0o640 if before is None else before)
    assert path.read_text() == "new"
