"""dlnotes.files: tables of sha256 are read in one way, and no file is ever half written."""

import errno
import hashlib
import os
import re
import stat
import subprocess
import sys
import threading
import time

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


def test_a_temporary_file_has_a_name_of_its_own_and_touches_no_other(tmp_path):
    path = tmp_path / "x.txt"
    names = {files.temporary_for(path).name for _ in range(20)}
    assert len(names) == 20
    assert all(re.fullmatch(rf"\.x\.txt\.{os.getpid()}\.\w+\.part", name) for name in names)
    theirs = tmp_path / f".x.txt.{os.getpid()}.part"
    theirs.write_text("my only copy")
    files.write_text(path, "new")
    with pytest.raises(FileExistsError):
        files.write_atomically(path, lambda _: None, temporary=theirs)
    assert theirs.read_text() == "my only copy" and path.read_text() == "new"


def test_sha256_is_that_of_the_whole_file(tmp_path):
    for content in b"", b"abc", bytes(3 * 2**20 + 5):
        (tmp_path / "x").write_bytes(content)
        assert files.sha256_of(tmp_path / "x") == hashlib.sha256(content).hexdigest()


# ---- locks -------------------------------------------------------------------------------------


def test_a_lock_is_held_by_one_and_goes_with_its_file(tmp_path):
    path = tmp_path / "lock"
    with files.locked(path, busy="taken") as lock:
        assert lock.held and lock.before == "" and path.exists()
        for place in path, tmp_path / ".." / tmp_path.name / "lock":
            with pytest.raises(files.BusyError, match="taken"), files.locked(place, busy="taken"):
                pass
    assert not path.exists()
    with pytest.raises(KeyError), files.locked(path, busy="taken"):
        raise KeyError
    with files.locked(path, busy="taken"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_lock_waits_for_as_long_as_it_is_told(tmp_path):
    path, order = tmp_path / "lock", []

    def hold():
        with files.locked(path, busy="taken"):
            order.append("held")
            time.sleep(0.2)
            order.append("over")

    thread = threading.Thread(target=hold)
    thread.start()
    while not order:
        time.sleep(0.01)
    with pytest.raises(files.BusyError), files.locked(path, busy="taken", wait=0.05):
        pass
    with files.locked(path, busy="taken", wait=10):
        order.append("mine")
    thread.join()
    assert order == ["held", "over", "mine"]


HOLD = """
import sys, time
from pathlib import Path
from dlnotes import files
with files.locked(Path(sys.argv[1]), busy="taken") as lock:
    print(repr(lock.before), flush=True)
    lock.note("something longer")
    lock.note(sys.argv[2])
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_killed_holder_lets_go_and_its_note_can_be_read(tmp_path):
    path = tmp_path / "lock"
    for number, before in (1, "''"), (2, "'note 1'"):
        command = [sys.executable, "-c", HOLD, str(path), f"note {number}"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
            assert holder.stdout.readline() == before + "\n"
            assert holder.stdout.readline() == "held\n"
            with pytest.raises(files.BusyError, match="taken"), files.locked(path, busy="taken"):
                pass
            holder.kill()
        assert path.exists()
    with files.locked(path, busy="taken") as lock:
        assert lock.before == "note 2"
    assert not path.exists()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_a_child_neither_holds_nor_ends_the_lock_of_its_parent(tmp_path):
    path = tmp_path / "lock"
    with files.locked(path, busy="taken"):
        child = os.fork()
        if child == 0:
            try:
                with files.locked(path, busy="taken"):
                    os._exit(1)
            except files.BusyError:
                os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        command = [sys.executable, "-c", HOLD, str(path), ""]
        done = subprocess.run(command, capture_output=True, text=True)
        assert "BusyError: taken" in done.stderr


COUNT = """
import sys
from pathlib import Path
from dlnotes import files
folder = Path(sys.argv[1])
for _ in range(150):
    with files.locked(folder / "lock", busy="taken", wait=60):
        count = int((folder / "count").read_text())
        files.write_text(folder / "count", str(count + 1))
"""


def test_nobody_is_let_in_while_a_lock_is_passed_on(tmp_path):
    (tmp_path / "count").write_text("0")
    command = [sys.executable, "-c", COUNT, str(tmp_path)]
    for process in [subprocess.Popen(command) for _ in range(3)]:
        assert process.wait() == 0
    assert (tmp_path / "count").read_text() == "450"
    assert [path.name for path in tmp_path.iterdir()] == ["count"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows removes no open file")
@pytest.mark.parametrize("another", [False, True])
def test_a_lock_on_a_file_that_has_just_been_removed_is_none(tmp_path, monkeypatch, another):
    path, lock, calls = tmp_path / "lock", files._lock, []

    def late(
        file,
    ):  # between opening and locking its holder removes it, and another makes a new one
        calls.append(file)
        if len(calls) == 1:
            path.unlink()
            if another:
                path.write_text("a new one")
        lock(file)

    monkeypatch.setattr(files, "_lock", late)
    with files.locked(path, busy="taken"):
        assert len(calls) == 2
        assert os.path.samestat(os.fstat(calls[-1].fileno()), path.stat())


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EINVAL, errno.ENOSYS])
def test_where_the_place_knows_no_locks_work_goes_on(tmp_path, monkeypatch, code):
    def fail(file):
        raise OSError(code, "no locks here")

    monkeypatch.setattr(files, "_lock", fail)
    with files.locked(tmp_path / "lock", busy="taken") as lock:
        lock.note("x")
        assert not lock.held and list(tmp_path.iterdir()) == []
        with pytest.raises(files.BusyError), files.locked(tmp_path / "lock", busy="taken"):
            pass  # within a process it holds all the same
    with files.locked(tmp_path / "nowhere" / "lock", busy="taken") as lock:
        assert not lock.held
