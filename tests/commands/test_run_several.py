"""Several files: each has its folder, one that fails stops no other, and a table of all at the end."""

import os
from pathlib import Path

import numpy as np
import pytest

import unmix4d
from support.written_files import table_in
from unmix4d import Unmix, phantoms
from unmix4d.__main__ import main
from unmix4d.commands import steps
from unmix4d.commands.files import folders_of, named

COLUMNS = ["file", "shape", "method", "k", "how sure", "grains", "loss", "seconds", "what went wrong"]


@pytest.fixture(scope="module")
def film():
    return phantoms.polycrystal(n_grains=3, scan_shape=(12, 14), detector_shape=(24, 24), background=0, seed=1).data


@pytest.fixture
def folder(tmp_path, film, monkeypatch):
    """Where two scans lie, and one that can be opened but not computed; figures and the page are tested elsewhere."""
    monkeypatch.setattr(steps, "_figures", lambda *_: None)
    monkeypatch.setattr(unmix4d.Decomposition, "report", lambda *_, **__: None)
    monkeypatch.chdir(tmp_path)
    np.save("first.npy", film)
    np.save("second.npy", film[:, :12])
    np.save("holes.npy", np.full((3, 4, 8, 8), np.nan))
    return tmp_path


def summary():
    return table_in("out/summary.csv")


def test_all_went_well(folder, film, capsys):
    assert main(["run", "first.npy", "second.npy", "--components", "3", "--grains", "--out", "out"]) == 0
    rows = summary()
    assert list(rows[0]) == COLUMNS and [row["file"] for row in rows] == ["first.npy", "second.npy"]
    expected = [Unmix(data).nmf(3, random_state=0) for data in (film, film[:, :12])]
    assert [float(row["loss"]) for row in rows] == pytest.approx([one.loss for one in expected], rel=1e-5)
    assert [int(row["grains"]) for row in rows] == [len(one.grains()) for one in expected]
    assert rows[0]["shape"] == "12 x 14 x 24 x 24" and {row["how sure"] for row in rows} == {"given"}
    assert {row["k"] for row in rows} == {"3"} and {row["method"] for row in rows} == {"nmf"}
    for name, one in zip(("first", "second"), expected):
        assert np.allclose(unmix4d.load(folder / "out" / name / "result.unmix.h5").maps, one.maps, atol=1e-5)
    shown = capsys.readouterr().out.splitlines()
    assert shown[-4].split()[:3] == ["file", "shape", "method"] and shown[-2].startswith("second.npy  12 x 12 x 24 x 24")


@pytest.mark.parametrize(
    ("files", "code"),
    [(["first.npy", "nothing.npy"], 2), (["first.npy", "holes.npy"], 1), (["holes.npy", "nothing.npy", "first.npy"], 2)],
)
def test_one_that_fails_stops_no_other(files, code, folder, capsys):
    assert main(["run", *files, "--components", "2", "--out", "out"]) == code
    rows = {row["file"]: row for row in summary()}
    assert list(rows) == files
    assert rows["first.npy"]["k"] == "2" and not rows["first.npy"]["what went wrong"]
    said = capsys.readouterr().err
    assert "Traceback" not in said
    for name, sentence in (("nothing.npy", "there is no file 'nothing.npy'"), ("holes.npy", "must be finite")):
        if name in files:
            assert sentence in rows[name]["what went wrong"] and sentence in said and not rows[name]["k"]
    assert sorted(path.name for path in (folder / "out").iterdir()) == sorted(
        {"summary.csv", *(name[:-4] for name in files if name != "nothing.npy")}
    )


def test_interrupted_between_two(folder, monkeypatch, capsys):
    """What is done is known."""
    opened = steps.opened

    def stop_at_second(file, *more):
        if file == "second.npy":
            raise KeyboardInterrupt
        return opened(file, *more)

    monkeypatch.setattr(steps, "opened", stop_at_second)
    assert main(["run", "first.npy", "second.npy", "--components", "2", "--out", "out"]) == 130
    assert [row["file"] for row in summary()] == ["first.npy"]
    said = capsys.readouterr()
    assert said.err == "interrupted: nothing more is written\n" and "first.npy  12 x 14" in said.out


def test_together(folder, capsys):
    """Patterns in common; a file that cannot be opened is named, and the others go on."""
    files = ["first.npy", "nothing.npy", "second.npy"]
    assert main(["run", *files, "--together", "--components", "2", "--out", "out"]) == 2
    said = capsys.readouterr()
    assert "nothing.npy is left out: there is no file 'nothing.npy'" in said.err
    assert "2 scans of 12 x 14, 12 x 12" in said.out
    found = unmix4d.load("out/result.unmix.h5")
    assert [one.maps.shape for one in found.scans] == [(2, 12, 14), (2, 12, 12)]
    assert {"series.csv", "series.png"} <= {path.name for path in (folder / "out").iterdir()}
    assert [row["component"] for row in table_in("out/series.csv")] == ["0", "1"]
    doses = ["--doses", "2,5,1"]
    assert main(["run", *files, "--together", *doses, "--components", "2", "--out", "out"]) == 2
    assert "doses given, and taken off: 1, 0.5 of that of scan 0" in capsys.readouterr().out
    assert main(["run", "holes.npy", "first.npy", "--together", "--components", "2", "--out", "out"]) == 2
    assert "scan 1 must be on the detector grid of scan 0" in capsys.readouterr().err


def test_wrong_arguments_are_said_once_and_leave_nothing(folder, capsys):
    for wrong, sentence in (
        (["first.npy", "./first.npy"], "every FILE must be named once, got 'first.npy' again"),
        (["first.npy", "x*.npy"], "there is no file 'x*.npy'"),
        (["first.npy", "second.npy", "--sparse", "7"], "--sparse must be below 1"),
        (["first.npy", "second.npy", "--out", "holes.npy"], "cannot be written to"),
    ):
        assert main(["run", *wrong, "--components", "2"]) == 2
        said = capsys.readouterr()
        assert sentence in said.err and said.err.count("\n") == 1 and not said.out
    assert sorted(os.listdir()) == ["first.npy", "holes.npy", "second.npy"]


def test_names_and_folders(folder):
    assert named(["*.npy"]) == ["first.npy", "holes.npy", "second.npy"]  # where no shell has done it
    Path("odd[1].npy").write_bytes(b"")
    assert named(["odd[1].npy"]) == ["odd[1].npy"]
    files = ["a/scan.npy", "a/scan.h5", "b/Scan.npy", "b/scan.npy", "b/other.npy", "summary.csv.npy"]
    top, folders = folders_of(files, None)
    assert os.path.basename(top) == "unmix4d-results"
    names = [os.path.relpath(one, top) for one in folders]
    assert names == ["scan.npy", "scan.h5", "Scan.npy", "scan.npy 2", "other", "summary.csv 2"]
    assert folders_of(["a/scan.npy"], None)[1] == [os.path.abspath("unmix4d-scan")]


def test_a_run_that_was_stopped_goes_on(folder, monkeypatch, capsys):
    """What is done is not made again, unless the file or the question is another one."""
    line = ["run", "first.npy", "second.npy", "--components", "3", "--out", "out", "--checkpoint"]
    opened, made = steps.opened, []

    def counted(file, *more):
        made.append(file)
        if len(made) == 2:
            raise KeyboardInterrupt
        return opened(file, *more)

    monkeypatch.setattr(steps, "opened", counted)
    assert main(line) == 130 and made == ["first.npy", "second.npy"]
    assert main(line) == 0 and made[2:] == ["second.npy"]
    assert "first.npy is done" in capsys.readouterr().out
    rows = summary()
    assert [row["k"] for row in rows] == ["3", "3"] and all(row["loss"] for row in rows)
    assert main(line) == 0 and len(made) == 3
    assert not (folder / "out" / "first" / "checkpoint").exists()
    os.utime("first.npy", (1, 1))
    assert main(line) == 0 and made[3:] == ["first.npy"]
    (folder / "out" / "second" / "done.json").write_text("{nonsense")
    assert main(line) == 0 and made[4:] == ["second.npy"]
    assert main([*line[:4], "2", *line[5:]]) == 0 and len(made) == 7


def test_a_method_goes_on_from_its_checkpoint(folder, monkeypatch):
    """Of a run that failed when its report was written, nothing is computed again."""
    line = ["run", "first.npy", "--method", "merge", "--components", "8", "--starts", "3", "--out", "out", "--checkpoint"]
    saved = unmix4d.MergedDecomposition.save
    monkeypatch.setattr(unmix4d.MergedDecomposition, "save", lambda *_: 1 / 0)
    assert main(line) == 1 and any((folder / "out" / "checkpoint").iterdir())
    monkeypatch.setattr(unmix4d.MergedDecomposition, "save", saved)
    from unmix4d.decomposition import merging

    monkeypatch.setattr(merging, "hals", lambda *_, **__: pytest.fail("a run was made again"))
    assert main(line) == 0 and not (folder / "out" / "checkpoint").exists()
