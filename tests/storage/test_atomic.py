"""One writer for all files: the old one stays until the new one is whole, whatever happens."""

import os
import subprocess
import sys

import h5py
import numpy as np
import pytest

import unmix4d
from unmix4d import Unmix
from unmix4d.storage import atomic
from unmix4d.storage.atomic import replacing, write_hdf5


@pytest.fixture(scope="module")
def result(scan):
    return Unmix(scan.data, step=2, step_unit="nm").nmf(2, max_iter=4, random_state=0)


def full_disk(*args, **kwargs):
    raise OSError(28, "No space left on device")


def stopped(*args, **kwargs):
    raise KeyboardInterrupt


def test_the_old_file_is_there_until_the_new_one_is_complete(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("old")
    with replacing(path, "the table") as file:
        file.write(b"new")
        file.flush()
        assert path.read_text() == "old" and len(os.listdir(tmp_path)) == 2
    assert path.read_text() == "new" and os.listdir(tmp_path) == ["table.csv"]


def test_a_file_is_on_the_disk_before_it_gets_its_name(tmp_path, monkeypatch):
    events, fsync, replace = [], os.fsync, os.replace
    monkeypatch.setattr(atomic.os, "fsync", lambda handle: events.append("fsync") or fsync(handle))
    monkeypatch.setattr(atomic.os, "replace", lambda *names: events.append("replace") or replace(*names))
    with replacing(tmp_path / "table.csv", "the table") as file:
        file.write(b"new")
    assert events[:2] == ["fsync", "replace"]


@pytest.mark.parametrize("where", ["block", "fsync", "replace"])
@pytest.mark.parametrize("fault, error", [(full_disk, OSError), (stopped, KeyboardInterrupt)])
@pytest.mark.parametrize("older", [True, False])
def test_what_fails_leaves_the_old_file_and_nothing_else(where, fault, error, older, tmp_path, monkeypatch):
    path = tmp_path / "table.csv"
    if older:
        path.write_text("old")
    if where != "block":
        monkeypatch.setattr(atomic.os, where, fault)
    with pytest.raises(error) as caught, replacing(path, "the table") as file:
        file.write(b"new")
        if where == "block":
            fault()
    monkeypatch.undo()
    assert os.listdir(tmp_path) == (["table.csv"] if older else []) and (not older or path.read_text() == "old")
    if error is OSError:
        assert str(caught.value) == f"the table cannot be saved to {str(path)!r}: No space left on device"


def test_another_error_is_left_as_it_is(tmp_path):
    with pytest.raises(ZeroDivisionError), replacing(tmp_path / "a", "the table"):
        1 / 0  # noqa: B018
    assert os.listdir(tmp_path) == []


def test_permissions_are_those_of_any_new_file(tmp_path):
    for mask in (0o022, 0o027, 0o077):
        before = os.umask(mask)
        try:
            write_hdf5(tmp_path / "a.h5", lambda file: file.create_dataset("x", data=1), "the result")
        finally:
            os.umask(before)
        assert (tmp_path / "a.h5").stat().st_mode & 0o777 == 0o666 & ~mask


@pytest.mark.parametrize(
    "name, message",
    [("", "path must name a file, but .* is a folder"), ("missing/run.h5", "the table cannot be saved to .*No such file"),
     ("file/run.h5", "the table cannot be saved to"), ("a" * 300, "the table cannot be saved to .*too long")],
)  # fmt: skip
def test_places_that_cannot_be_written_are_found_before_the_block(name, message, tmp_path):
    (tmp_path / "file").write_text("")
    entered = []
    with pytest.raises(OSError, match=message), replacing(tmp_path / name, "the table"):
        entered.append(name)
    assert not entered or len(name) > 255  # a name that is too long is known when it is given
    assert os.listdir(tmp_path) == ["file"]


def test_hdf5_never_writes_to_the_disk_itself(tmp_path, monkeypatch):
    """It would end the interpreter with a segmentation fault where the disk is full."""
    opened, file = [], h5py.File
    monkeypatch.setattr(h5py, "File", lambda name, *more: opened.append(name) or file(name, *more))
    write_hdf5(tmp_path / "a.h5", lambda file: file.create_dataset("x", data=np.arange(3)), "the result")
    assert len(opened) == 1 and not isinstance(opened[0], (str, bytes, os.PathLike))
    monkeypatch.undo()
    with h5py.File(tmp_path / "a.h5") as again:
        assert again["x"][()].tolist() == [0, 1, 2]


@pytest.mark.parametrize("name", ["a\0b", "\ud800", b"\0"])
def test_names_that_no_file_can_have(name, tmp_path):
    result = Unmix(np.random.default_rng(0).poisson(4, (4, 5, 6, 7))).nmf(2, random_state=0, max_iter=2)
    calls = (result.save, unmix4d.load, lambda n: result.report(n, sections=["citation"]), result.grains(min_size=1).to_csv)
    for call in calls:
        with pytest.raises(ValueError, match="path must be a name that a file can have"):
            call(name)
    with pytest.raises(TypeError, match="path must be the name of a file"):
        result.save(3)
    from unmix4d.__main__ import main

    np.save(tmp_path / "scan.npy", np.random.default_rng(0).poisson(4, (4, 5, 6, 7)))
    assert main(["run", str(tmp_path / "scan.npy"), "--out", "a\0b"]) == 2


def test_a_file_in_the_place_of_a_folder(result, tmp_path):
    (tmp_path / "file").write_text("")
    grains = result.grains(min_size=1)
    for call in (
        result.save, unmix4d.load, lambda path: result.source.nmf(2, checkpoint=path), grains.to_csv, result.report,
    ):  # fmt: skip
        with pytest.raises(OSError):
            call(tmp_path / "file" / "run.h5")
    for call in (result.save, grains.to_csv, result.report):
        with pytest.raises(OSError, match="folder"):
            call(tmp_path)
    with pytest.raises(OSError, match="there is no file"):
        unmix4d.load(tmp_path)


WRITTEN = {
    "result": ("loaded.save(sys.argv[1])", "the result"),
    "table": ("loaded.grains(min_size=1, background='keep').to_csv(sys.argv[1])", "the table"),
    "report": ("loaded.report(sys.argv[1], sections=['citation'])", "the report"),
}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="limits of a process are a matter of Unix")
@pytest.mark.parametrize("what", ["result", *(pytest.param(n, marks=pytest.mark.slow) for n in WRITTEN if n != "result")])
def test_a_full_disk_leaves_the_old_file_and_ends_nothing(what, result, tmp_path):
    """One sentence, the old file, an interpreter that goes on and ends as it should."""
    call, named = WRITTEN[what]
    saved, path = tmp_path / "saved.h5", tmp_path / "run"
    result.save(saved)
    path.write_text("old")
    code = (
        "import resource, signal, sys\n"
        "import unmix4d\n"
        "loaded = unmix4d.load(sys.argv[2])\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20, hard))\n"
        "try:\n"
        f"    {call}\n"
        "except OSError as error:\n"
        "    print('refused:', error)\n"
        "print(open(sys.argv[1]).read())\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))\n"
        f"{call}\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path), str(saved)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr  # a segmentation fault is -11
    assert done.stderr == ""
    assert done.stdout == f"refused: {named} cannot be saved to {str(path)!r}: File too large\nold\n"
    assert sorted(os.listdir(tmp_path)) == ["run", "saved.h5"] and path.stat().st_size > 20
