"""One writer for all files: the old one stays until the new one is whole, whatever happens."""

import dataclasses
import os
import stat
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
            write_hdf5(tmp_path / f"{mask}.h5", lambda file: file.create_dataset("x", data=1), "the result")
        finally:
            os.umask(before)
        assert (tmp_path / f"{mask}.h5").stat().st_mode & 0o777 == 0o666 & ~mask


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


@pytest.mark.filterwarnings("ignore:nmf finds nothing in this scan")
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


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="links and modes of Unix")
def test_links_are_followed_and_modes_kept(tmp_path):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "real").write_text("old")
    os.chmod(folder / "real", 0o600)
    (tmp_path / "link").symlink_to("elsewhere/real")
    (tmp_path / "link of a link").symlink_to(tmp_path / "link")
    for name in ("link", "link of a link"):
        with replacing(tmp_path / name, "the table") as file:
            file.write(name.encode())
            (unfinished,) = [n for n in os.listdir(folder) if n.startswith(atomic.TEMPORARY)]
            assert mode(folder / unfinished) == 0o600  # never for others to read, not even before it is complete
        assert (folder / "real").read_text() == name and mode(folder / "real") == 0o600
        assert (tmp_path / name).is_symlink() and os.listdir(folder) == ["real"]
    for bits in (0o640, 0o444, 0o755):
        os.chmod(folder / "real", bits)
        with replacing(folder / "real", "the table") as file:
            file.write(b"new")
        assert mode(folder / "real") == bits


@pytest.mark.skipif(not hasattr(os, "fork"), reason="links and modes of Unix")
def test_a_link_to_nothing_makes_what_it_leads_to(tmp_path):
    (tmp_path / "link").symlink_to("new")
    before = os.umask(0o027)
    try:
        with replacing(tmp_path / "link", "the table") as file:
            file.write(b"new")
    finally:
        os.umask(before)
    assert (tmp_path / "link").is_symlink() and (tmp_path / "new").read_text() == "new" and mode(tmp_path / "new") == 0o640
    (tmp_path / "broken").symlink_to("missing/new")
    with pytest.raises(OSError, match="the table cannot be saved to .*broken"), replacing(tmp_path / "broken", "the table"):
        pass
    (tmp_path / "round").symlink_to("round")
    with pytest.raises(OSError, match="the table cannot be saved to .*round"), replacing(tmp_path / "round", "the table"):
        pass
    assert (tmp_path / "round").is_symlink()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes of Unix")
def test_devices_and_pipes_are_no_files_to_replace(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="path must name a file, but .*pipe"), replacing(tmp_path / "pipe", "the table"):
        pass
    assert stat.S_ISFIFO(os.stat(tmp_path / "pipe").st_mode)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="links and modes of Unix")
def test_every_writer_follows_links_and_keeps_modes(result, tmp_path):
    grains = result.grains(min_size=1, background="keep")
    writers = {
        "run.h5": result.save, "run.html": lambda path: result.report(path, sections=["citation"]), "run.csv": grains.to_csv,
    }  # fmt: skip
    for name, write in writers.items():
        real, link = tmp_path / name, tmp_path / f"link to {name}"
        real.write_text("old")
        os.chmod(real, 0o600)
        link.symlink_to(name)
        write(link)
        assert link.is_symlink() and mode(real) == 0o600 and real.stat().st_size > 10, name


HALF = "half \ud800 a character \U0001f600"


def test_half_a_character_is_text_like_any_other(result, tmp_path):
    host = dataclasses.replace(result.host, name=HALF, record={"General": {"title": HALF, HALF: [HALF]}})
    geometry = result.geometry.replace(calibration=dataclasses.replace(result.geometry.calibration, step_unit=HALF))
    odd = dataclasses.replace(result, host=host, settings={**result.settings, "remark": HALF}, geometry=geometry)
    odd.save(tmp_path / "run.h5")
    loaded = unmix4d.load(tmp_path / "run.h5")
    assert loaded.host == host and loaded.settings["remark"] == HALF
    assert loaded.geometry.calibration.step_unit == HALF
    odd.report(tmp_path / "run.html", sections=["summary", "settings", "citation"])
    page = (tmp_path / "run.html").read_text(encoding="utf-8")
    assert "half \ufffd a character \U0001f600" in page
    odd.grains(min_size=1, background="keep").to_csv(tmp_path / "run.csv")
    assert "half \ufffd a character \U0001f600" in (tmp_path / "run.csv").read_text(encoding="utf-8")


@pytest.mark.filterwarnings("ignore:nmf finds nothing in this scan")
def test_half_a_character_in_the_title_of_a_signal(tmp_path):
    pyxem = pytest.importorskip("pyxem")

    signal = pyxem.signals.Diffraction2D(np.random.default_rng(0).poisson(4, (4, 5, 8, 9)))
    signal.metadata.General.title = HALF
    result = signal.unmix.nmf(2, random_state=0, max_iter=2)
    result.save(tmp_path / "run.h5")
    maps, patterns = unmix4d.load(tmp_path / "run.h5").to_host()
    assert ascii(patterns.metadata.General.title) == ascii("half \ufffd a character \U0001f600 - nmf patterns")
    for made, name in ((maps, "maps.hspy"), (patterns, "patterns.hspy")):
        made.save(tmp_path / name)
        assert (tmp_path / name).stat().st_size > 0
    result.report(tmp_path / "run.html", sections=["summary"])


@pytest.mark.filterwarnings("ignore:nmf finds nothing in this scan")
def test_half_a_character_in_the_name_of_a_cube(tmp_path):
    py4DSTEM = pytest.importorskip("py4DSTEM")

    cube = py4DSTEM.DataCube(np.random.default_rng(0).poisson(4, (4, 5, 8, 9)), name=HALF)
    result = cube.unmix.nmf(2, random_state=0, max_iter=2)
    result.save(tmp_path / "run.h5")
    maps, _ = unmix4d.load(tmp_path / "run.h5").to_host()
    py4DSTEM.save(str(tmp_path / "maps.h5"), maps.root, mode="o")
    assert (tmp_path / "maps.h5").stat().st_size > 0


LIMITED = """
import resource, signal, sys
import numpy as np
import unmix4d
from unmix4d.__main__ import main
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
np.save("scan.npy", np.random.default_rng(0).poisson(5, (6, 7, 12, 13)))
view, hard = unmix4d.Unmix(np.load("scan.npy"), centre=(5.5, 6)), resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), hard))
for call in (
    lambda: view.nmf(2, checkpoint="kept", random_state=0),
    lambda: view.merge_nmf(4, n_runs=2, checkpoint="kept too", random_state=0),
):
    try:
        call()
    except OSError as error:
        print("refused:", error)
print("ended with", main(["run", "scan.npy", "--components", "2", "--out", "out"]))
"""


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="limits of a process are a matter of Unix")
@pytest.mark.parametrize("limit", [0, 20, 3000])
def test_a_full_disk_ends_no_checkpoint_figure_or_command_with_a_signal(limit, tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LIMITED, str(limit)], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr  # a signal is a negative number
    told = [line for line in done.stdout.splitlines() if line.startswith("refused")]
    assert len(told) == 2 and all("cannot be saved to" in line and "File too large" in line for line in told)
    assert "ended with 1" in done.stdout
    assert not [name for _, _, names in os.walk(tmp_path) for name in names if name.startswith(atomic.TEMPORARY)]
