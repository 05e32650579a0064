"""``python -m unmix4d run`` with files of every kind and damage, and options right and wrong."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import warnings
from pathlib import Path
from unittest import mock

import numpy as np
from hypothesis import strategies as st

from support.hostile_contract import Broken
from support.hostile_judge import clear_refusal, time_limit
from support.hostile_made import Absent, require

__all__ = ["FILES", "command_cases", "run_command"]

_SHAPE = (4, 5, 9, 10)
_GARBAGE = (".blo", ".mib", ".dm4", ".ser", ".tif", ".emd", ".hspy", ".zspy", ".h5", ".npy", ".nxs", ".unknown", "")


def _scan():
    return np.random.default_rng(0).poisson(4, _SHAPE).astype("u2")


def _npy(path, array):
    np.save(path, array, allow_pickle=True)


def _h5(path, **datasets):
    import h5py

    with h5py.File(path, "w") as file:
        for name, data in datasets.items():
            file.create_dataset(name, data=data, chunks=(2, 2, *_SHAPE[2:]) if np.ndim(data) == 4 else None)


def _signal(path, navigation=2):
    require("pyxem")
    import hyperspy.api as hs
    import pyxem.signals

    hs.set_log_level("CRITICAL")
    data = _scan()[(0,) * (2 - navigation)]
    pyxem.signals.ElectronDiffraction2D(data).save(path, overwrite=True)


def _cube(path):
    require("py4DSTEM")
    import py4DSTEM

    py4DSTEM.save(path, py4DSTEM.DataCube(_scan()), mode="o")


def _json(path):
    path.write_text(json.dumps({"a": [1, 2]}), encoding="utf-8")


# How each kind of file is written, by its name.
FILES = {
    "scan.npy": lambda path: _npy(path, _scan()), "scån ☃.npy": lambda path: _npy(path, _scan()),
    "three axes.npy": lambda path: _npy(path, _scan()[0]), "complex.npy": lambda path: _npy(path, _scan() + 1j),
    "objects.npy": lambda path: _npy(path, np.array([{"a": 1}, None], object)),
    "nothing.npy": lambda path: _npy(path, np.empty((0, 3, 4, 5))),
    "not finite.npy": lambda path: _npy(path, np.full(_SHAPE, np.nan)),
    "zeros.npy": lambda path: _npy(path, np.zeros(_SHAPE)),
    "negative.npy": lambda path: _npy(path, _scan() - 9.0), "one.npy": lambda path: _npy(path, np.ones((1, 1, 1, 1))),
    "one scan.h5": lambda path: _h5(path, scan=_scan()), "two scans.h5": lambda path: _h5(path, a=_scan(), b=_scan()),
    "no scan.h5": lambda path: _h5(path, image=np.ones((3, 3)), text="x"), "text.h5": lambda path: _json(path),
    "signal.hspy": _signal, "line.hspy": lambda path: _signal(path, 1), "pattern.hspy": lambda path: _signal(path, 0),
    "store.zspy": _signal, "cube.h5": _cube, "list.json": _json, "empty.hspy": lambda path: path.write_bytes(b""),
    "folder.h5": lambda path: path.mkdir(exist_ok=True), "missing.hspy": lambda path: None,
    **{f"garbage{ending}": lambda path: path.write_bytes(np.random.default_rng(1).bytes(5000)) for ending in _GARBAGE},
}  # fmt: skip
_GOOD = ("scan.npy", "one scan.h5", "signal.hspy", "store.zspy", "cube.h5", "line.hspy", "two scans.h5")
_DAMAGES = ("", "", "cut", "bits flipped", "overwritten")
_OPTIONS = {
    "--components": (["2"], ["1-3"], ["auto"], ["99"], ["0"], ["3-2"], ["x"], ["-1"], ["2.5"]),
    "--method": (["nmf"], ["fuzzy"], ["merge"], ["vca"], ["svd"], ["ica"], ["pca"]),
    "--features": (["angular_average"], ["radial_variance"], ["polar"], ["bragg_disks"], ["x"]),
    "--detector": (["pyxem"], ["x"]), "--smooth": (["1"], ["2 nm"], ["-1"], ["x"], ["none"]),
    "--smooth-maps": (["1.5"], ["3 nm"], ["nan"], ["0"], ["1e400 nm"]), "--sparse": (["0.1"], ["1"], ["nan"], ["x"]),
    "--no-dark-spots": ([],), "--friedel": ([],), "--sum-to-one": ([],), "--grains": ([],), "--overlap": ([],),
    "--cif": (["nothing.cif"],), "--voltage": (["300 kV"], ["300"], ["x"]),
    "--scan-shape": (["4", "5"], ["5", "4"], ["0", "1"], ["x", "y"], ["1", "10000000000"]),
    "--starts": (["1"], ["2"], ["0"], ["x"]), "--seed": (["1"], ["-1"], ["x"]),
    "--direct-beam": (["1"], ["0.1 1/Å"], ["nan"], ["-1"], ["1e9"], ["x"], ["none"], ["1 nm"]),
    "--annulus": (["1", "none"], ["3", "1"], ["nan", "x"], ["none", "none"], ["1"]), "--bin": (["2"], ["0"], ["99"], ["x"]),
    "--host": (["pyxem"], ["py4dstem"], ["array"], ["x"]), "--dataset": (["a"], ["/scan"], ["nonsense"], [""]),
    "--centre": (["4", "4.5"], ["nan", "1"], ["1e300", "0"], ["x", "y"]),
    "--pixel-size": (["0.02 1/Å"], ["0"], ["-1 nm"], ["nan 1/Å"], ["x"], ["1 ☃"], ["1e400 nm"]),
    "--step": (["2 nm"], ["2"], ["1/Å"], [""]), "--in-memory": ([],), "--debug": ([],), "--nonsense": ([],),
    "--out": (["out"], ["ü/☃"], ["scan.npy/out"], ["/proc/nowhere"], ["\x00"], [""]),
}  # fmt: skip
_RIGHT = ["--components", "2", "--starts", "1"]


@st.composite
def command_cases(draw):
    """(name of the file, damage, seed of the damage, options)."""
    good = draw(st.booleans())
    name = draw(st.sampled_from(_GOOD if good else tuple(FILES)))
    damage = draw(st.sampled_from(_DAMAGES)) if good else ""
    names = draw(st.lists(st.sampled_from(sorted(_OPTIONS)), max_size=1 if draw(st.booleans()) else 3, unique=True))
    options = [word for option in names for word in (option, *draw(st.sampled_from(_OPTIONS[option])))]
    right = [] if "--components" in names else _RIGHT if {"--method", "--starts"}.isdisjoint(names) else _RIGHT[:2]
    return name, damage, draw(st.integers(0, 10**6)), [*options, *right]


def _damaged(path, damage, seed):
    rng = np.random.default_rng(seed)
    if not damage:
        return
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    place = files[int(rng.integers(len(files)))]
    data = bytearray(place.read_bytes())
    at = int(rng.integers(0, max(len(data), 1)))
    if damage == "cut":
        del data[at:]
    elif damage == "bits flipped":
        for at in rng.integers(0, len(data), rng.integers(1, 6)):
            data[at] ^= 1 << int(rng.integers(8))
    else:
        data[at : at + 64] = rng.bytes(len(data[at : at + 64]))
    place.write_bytes(data)


def _made(name, folder):
    """A copy of the good file, which is written once."""
    kept, path = Path(folder) / "kept", Path(folder) / "files" / name
    shutil.rmtree(path.parent, ignore_errors=True)
    path.parent.mkdir(parents=True)
    kept.mkdir(exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if not (kept / name).exists():
            FILES[name](kept / name)
    if (kept / name).is_dir():
        shutil.copytree(kept / name, path)
    elif (kept / name).exists():
        shutil.copy(kept / name, path)
    return path


def run_command(name, damage, seed, options, folder, drawing=True):
    """ "answered", "refused" or "absent" (the host that writes such files), the exit code, and what was said.

    Without `drawing` the page and the figures, which take seconds, are left empty.

    Raises
    ------
    Broken
        When the exit code does not say what happened, or an error is not one sentence of our own.
    """
    import unmix4d.commands.run as command
    import unmix4d.commands.steps as steps
    from unmix4d import Decomposition
    from unmix4d.__main__ import main

    try:
        path = _made(name, folder)
    except Absent:
        return "absent", None, ""
    _damaged(path, damage, seed)
    out = Path(folder) / "files" / "results"
    given = ["run", str(path), "--out", str(out), *_inside(options, path.parent)]
    errors, said, old = [], io.StringIO(), command._said

    def noted(error, code, debug):
        errors.append(error)
        return old(error, code, debug)

    try:
        with contextlib.ExitStack() as stack:
            stack.enter_context(mock.patch.object(command, "_said", noted))
            if not drawing:
                stack.enter_context(mock.patch.object(steps, "_figures", lambda *_: None))
                stack.enter_context(mock.patch.object(Decomposition, "report", lambda _, page, **__: Path(page).touch()))
            for enter in (time_limit(), contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(said)):
                stack.enter_context(enter)
            code = main(given)
    except SystemExit as stop:
        code = stop.code
    except Exception as error:
        raise Broken(f"command: {type(error).__name__} came out: {error}") from error
    _judge(code, errors, said.getvalue(), given)
    return ("answered" if code == 0 else "refused"), code, said.getvalue()


def _inside(options, folder):
    """Folders to write to are in ours."""
    return [
        str(folder / word) if before == "--out" and not word.startswith("/proc") else word
        for before, word in zip(["", *options], options)
    ]  # fmt: skip


def _judge(code, errors, said, given):
    if code not in (0, 1, 2):
        raise Broken(f"command: exit code {code}")
    if "Traceback" in said and "--debug" not in given:
        raise Broken(f"command: a traceback: {said[-300:]}")
    for error in errors:
        wrong = clear_refusal(error)
        if wrong:
            raise Broken(f"command: {wrong}") from error
    if code == 0:
        out = Path([after for word, after in zip(given, given[1:]) if word == "--out"][-1])
        if not {"report.html", "result.unmix.h5"} <= {path.name for path in out.glob("*")}:
            raise Broken("command: done, but the files are not there")
    elif "error: " not in said:
        raise Broken(f"command: exit code {code} without a word")
