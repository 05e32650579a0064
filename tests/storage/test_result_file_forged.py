"""Files that were cut, flipped, forged or swapped: a clear error or the very same result, and nothing is executed."""

import json
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest

import unmix4d
from unmix4d import Unmix
from unmix4d.core.errors import UnreadableFile
from unmix4d.storage.safety import array_checksum, text_checksum

ARRAYS = ("patterns", "maps", "explained", "losses", "mean_pattern", "totals", "residuals")


@pytest.fixture(scope="module")
def result(scan):
    return Unmix(scan.data, step=2, step_unit="µm").nmf(2, max_iter=4, random_state=0)


@pytest.fixture(scope="module")
def bytes_of(result, tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "run.h5"
    result.save(path)
    return path.read_bytes()


def same(one, other):
    if one.settings != other.settings or one.method != other.method:
        return False
    if one.geometry.calibration != other.geometry.calibration:
        return False
    return all(np.array_equal(getattr(one, name), getattr(other, name), equal_nan=True) for name in ARRAYS)


def attempt(path, result):
    """ "refused" or "same"; anything else is a failure of the test."""
    try:
        loaded = unmix4d.load(path)
    except (OSError, MemoryError) as error:
        assert str(error).startswith(str(path)) and "\n\n" not in str(error)
        return "refused"
    assert same(loaded, result), "a damaged file gave another result"
    return "same"


def test_cut_at_any_length(result, bytes_of, tmp_path):
    path = tmp_path / "run.h5"
    lengths = np.unique(np.linspace(0, len(bytes_of) - 1, 80).astype(int))
    for length in (*lengths, 1, 8, 96, 512):
        path.write_bytes(bytes_of[:length])
        assert attempt(path, result) == "refused"


@pytest.mark.parametrize("number", [100, pytest.param(400, marks=pytest.mark.slow)])
def test_flipped_bits(result, bytes_of, tmp_path, number):
    """Never another result: every array and the settings have a checksum."""
    path, rng = tmp_path / "run.h5", np.random.default_rng(0)
    outcomes = []
    for _ in range(number):
        data = bytearray(bytes_of)
        for place in rng.integers(0, len(data), rng.integers(1, 4)):
            data[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(data)
        outcomes.append(attempt(path, result))
    assert outcomes.count("refused") > number // 4  # many flips fall on the padding of HDF5, where they do no harm


def test_blocks_overwritten(result, bytes_of, tmp_path):
    path, rng = tmp_path / "run.h5", np.random.default_rng(1)
    for _ in range(60):
        data, start = bytearray(bytes_of), int(rng.integers(0, len(bytes_of) - 64))
        data[start : start + 64] = rng.bytes(64)
        path.write_bytes(data)
        attempt(path, result)


def forged(path, bytes_of, change):
    path.write_bytes(bytes_of)
    with h5py.File(path, "r+") as file:
        change(file)
    return path


def _swap(file, name, data, **options):
    del file[name]
    file.create_dataset(name, data=data, **options)


def _bomb(file):
    del file["patterns"]
    file.create_dataset("patterns", (2, 200_000, 200_000), "f4", chunks=(1, 1000, 1000), compression="gzip")


def _deep(file):
    _swap(file, "settings.json", "[" * 200_000)


def _link(file):
    del file["maps"]
    file["maps"] = h5py.ExternalLink("elsewhere.h5", "/x")


def _outside(file):
    del file["maps"]
    file.create_dataset("maps", (2, 7, 9), "f4", external=[("elsewhere.raw", 0, 504)])


def _virtual(file):
    layout = h5py.VirtualLayout((2, 7, 9), "f4")
    layout[:] = h5py.VirtualSource("elsewhere.h5", "x", (2, 7, 9))
    del file["maps"]
    file.create_virtual_dataset("maps", layout)


def _other_values(file):
    file["maps"][0, 0, 0] = 0.123


def _edit(file, edit):
    head = json.loads(file["settings.json"].asstr()[()])
    edit(head)
    _swap(file, "settings.json", json.dumps(head))


FORGED = {
    "claims more than it holds": (_bomb, "claims 320 GB of numbers but is only"),
    "settings of a huge fixed text": (lambda f: _swap(f, "settings.json", np.bytes_(b"x" * 5000)), "expected one text"),
    "settings a thousandfold nested": (_deep, "incomplete or damaged"),
    "a link to another file": (_link, "link to somewhere else"),
    "numbers in another file": (_outside, "not a data set of this file"),
    "a virtual data set": (_virtual, "not a data set of this file"),
    "one value changed": (_other_values, "maps is not as it was saved"),
    "settings changed": (lambda f: _edit(f, lambda h: h["settings"].update(n=9)), "settings.json is not as it was saved"),
    "an array more": (lambda f: f.create_dataset("evil", data=1), "more than were saved"),
    "an array less": (lambda f: f.__delitem__("strengths"), "arrays are missing"),
    "no version": (lambda f: f.attrs.__delitem__("format_version"), "incomplete or damaged"),
    "a version that is no number": (lambda f: f.attrs.__setitem__("format_version", "x"), "incomplete or damaged"),
    "from the future": (lambda f: f.attrs.__setitem__("format_version", 2**40), "written by a newer unmix4d"),
    "of another format": (lambda f: f.attrs.__setitem__("format", "evil"), "not a result saved by unmix4d"),
    "a group for an array": (lambda f: (f.__delitem__("maps"), f.create_group("maps")), "not a data set of this file"),
}


@pytest.mark.parametrize("name", FORGED)
def test_forged_files_are_refused_in_one_sentence(name, bytes_of, tmp_path):
    change, message = FORGED[name]
    with pytest.raises(OSError, match=message):
        unmix4d.load(forged(tmp_path / "run.h5", bytes_of, change))


def test_loading_calls_nothing_that_could_execute(bytes_of, tmp_path):
    """A pickle inside the file, a hook in the settings: loading imports, evaluates and unpickles nothing."""
    path = tmp_path / "run.h5"
    path.write_bytes(bytes_of)
    code = (
        "import builtins, pickle, sys\n"
        "import numpy, h5py, unmix4d, unmix4d.loading\n"
        "from unmix4d.results import merged\n"
        "events = []\n"
        "names = {'exec', 'compile', 'os.system', 'subprocess.Popen', 'pickle.find_class', 'os.exec', 'os.posix_spawn'}\n"
        "unmix4d.load(sys.argv[1])\n"  # everything that is imported has been
        "sys.addaudithook(lambda name, args: events.append(name) if name in names else None)\n"
        "unmix4d.load(sys.argv[1])\n"
        "print(events)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def _set(*path, to):
    """The head with another value at a place, behind a checksum that is right."""

    def edit(file):
        head = json.loads(file["settings.json"].asstr()[()])
        part = head
        for name in path[:-1]:
            part = part[name]
        part[path[-1]] = to
        text = json.dumps(head)
        _swap(file, "settings.json", text, dtype=h5py.string_dtype())
        file.attrs["settings_checksum"] = text_checksum(text)

    return edit


def _array(name, array):
    """An array in place of another, behind a checksum that is right."""

    def edit(file):
        head = json.loads(file["settings.json"].asstr()[()])
        del file[name]
        file[name] = array
        _set("checksums", to={**head["checksums"], name: array_checksum(array)})(file)

    return edit


NAN = float("nan")
ODD = {
    "settings are a list": _set("settings", to=[]),
    "settings are a number": _set("settings", to=3),
    "NaN in the settings": _set("settings", "tol", to=NAN),
    "NaN deep in the settings": _set("settings", "x", to=[{"y": [NAN]}]),
    "a method that is no text": _set("method", to=[1]),
    "a loss that is a text": _set("loss", to="small"),
    "an unknown kind": _set("kind", to="Evil"),
    "a kind that is a list": _set("kind", to=["Decomposition"]),
    "a kind of relative": _set("kind", to="FuzzyClusters"),
    "millions of starts": _set("starts", to=[0] * 3_000_000),
    "negative starts": _set("starts", to=[-4, 8]),
    "starts that are texts": _set("starts", to=["4"]),
    "starts that are no list": _set("starts", to=4),
    "a scan of no rows": _set("geometry", "scan_shape", to=[0, 9]),
    "a scan of three axes": _set("geometry", "scan_shape", to=[7, 9, 1]),
    "a huge scan": _set("geometry", "scan_shape", to=[10**9, 10**9]),
    "a scan of fractions": _set("geometry", "scan_shape", to=[7.0, 9]),
    "a centre of NaN": _set("geometry", "centre", to=[NAN, 1]),
    "a centre of texts": _set("geometry", "centre", to=["1", "2"]),
    "a centre of three": _set("geometry", "centre", to=[1, 2, 3]),
    "no centre": _set("geometry", "centre", to=None),
    "an ellipse of two": _set("geometry", "ellipse", to=[1, 2]),
    "a flag that is a number": _set("geometry", "polar", to=7),
    "a step of 0": _set("geometry", "calibration", "step", to=[0, 1]),
    "a step of NaN": _set("geometry", "calibration", "step", to=[NAN, 1]),
    "a step that is a text": _set("geometry", "calibration", "step", to="12"),
    "a unit that is a number": _set("geometry", "calibration", "step_unit", to=5),
    "a beam energy of text": _set("geometry", "calibration", "beam_energy", to="300"),
    "a field of no calibration": _set("geometry", "calibration", "evil", to=1),
    "a host that is a list": _set("host", to=[]),
    "a host of no name": _set("host", "name", to=None),
    "a record that is a text": _set("host", "record", to="x"),
    "a meaning of texts": _set("meaning", "signed", to="yes"),
    "an unknown meaning": _set("meaning", "evil", to=True),
    "references of numbers": _set("references", to=[1, 2]),
    "no references": _set("references", to=None),
    "features of one number": _set("features_shape", to=4),
    "maps of whole numbers": _array("maps", np.ones((2, 7, 9), int)),
    "maps of truth": _array("maps", np.ones((2, 7, 9), bool)),
    "maps of texts": _array("maps", np.full((2, 7, 9), b"x")),
    "maps of another order": _array("maps", np.ones((2, 9, 7), "f4")),
    "maps of four axes": _array("maps", np.ones((2, 7, 9, 1), "f4")),
    "a map less": _array("maps", np.ones((1, 7, 9), "f4")),
    "patterns of two axes": _array("patterns", np.ones((20, 26), "f4")),
    "a number for patterns": _array("patterns", np.float32(1)),
    "patterns of nothing": _array("patterns", np.ones((0, 20, 26), "f4")),
    "losses of two axes": _array("losses", np.ones((1, 1))),
    "convergence of another length": _array("convergence", np.ones(3)),
    "an older version than the first": lambda f: f.attrs.__setitem__("format_version", -3),
}


@pytest.mark.one_in(3)
@pytest.mark.parametrize("name", ODD)
def test_odd_but_well_formed_files_are_refused_in_a_sentence_and_quickly(name, bytes_of, tmp_path):
    path = forged(tmp_path / "run.h5", bytes_of, ODD[name])
    start = time.process_time()
    with pytest.raises(UnreadableFile, match="the saved result is incomplete or damaged: ") as caught:
        unmix4d.load(path)
    assert time.process_time() - start < 5 and len(str(caught.value)) < 600 and "\n\n" not in str(caught.value)


def test_a_head_that_is_written_anew_is_read(result, bytes_of, tmp_path):
    """What the forged files are refused for is not the forging."""
    path = forged(tmp_path / "run.h5", bytes_of, _set("host", "name", to="another title"))
    assert unmix4d.load(path).host.name == "another title"
    path = forged(tmp_path / "run.h5", bytes_of, _array("maps", np.full((2, 7, 9), 0.25, "f4")))
    assert (unmix4d.load(path).maps == 0.25).all()
