"""The folder of a checkpoint: every file in it is whole or not there, a damaged one is named, others are left alone."""

import json
import os
import shutil
import subprocess
import sys
import time
import weakref

import h5py
import numpy as np
import pytest
from checkpoint_folders import answers, contents, names_in

from unmix4d import Unmix
from unmix4d.storage import checkpoint
from unmix4d.storage.checkpoint import CheckpointFolder, Kept, kept_or_made

OPTIONS = {"n_runs": 3, "max_iter": 5}


@pytest.fixture
def view(scan):
    return Unmix(scan.data, centre=(9.5, 12.5))


@pytest.fixture
def merged(view, tmp_path):
    """A checkpoint of three runs, and their result."""
    path = tmp_path / "run"
    return path, view.merge_nmf(4, random_state=0, checkpoint=path, **OPTIONS)


def same(one, other):
    assert one.best == other.best and len(one.runs) == len(other.runs)
    for mine, its in zip(one.runs, other.runs):
        assert np.array_equal(mine.maps, its.maps) and np.array_equal(mine.patterns, its.patterns)
    assert np.array_equal(one.maps, other.maps, equal_nan=True)


# ------------------------------------------------------------------------------------------------ what is kept


def test_what_is_kept_comes_back(tmp_path):
    folder = CheckpointFolder(tmp_path / "run", {"call": "nmf", "n": 3})
    assert folder.facts is None and folder.names() == [] and folder.get("start 0") is None and not folder.drop("start 0")
    folder.begin({"random_state": 7})
    arrays = {"maps": np.arange(6.0).reshape(2, 3), "mask": np.array([True, False]), "empty": np.empty((0, 2), "f4")}
    folder.put("start 0", arrays, {"objective": 0.5, "effects": None})
    folder.put("held out", {})
    folder.put("state 1", {"maps": np.ones(2)})
    folder.put("state 1", {"maps": np.zeros(2)}, {"step": 2})
    folder.drop("held out")
    again = CheckpointFolder(tmp_path / "run", {"n": 3, "call": "nmf"})
    assert again.facts == {"random_state": 7} and again.names() == ["start 0", "state 1"]
    found, facts = again.get("start 0")
    assert facts == {"objective": 0.5, "effects": None} and found.keys() == arrays.keys()
    assert all(np.array_equal(found[name], array) and found[name].dtype == array.dtype for name, array in arrays.items())
    assert again.get("state 1")[0]["maps"].tolist() == [0, 0] and again.get("state 1")[1] == {"step": 2}
    assert sorted(os.listdir(tmp_path / "run")) == ["key.json", "start-0.h5", "state-1.h5"]


def test_reading_changes_nothing(merged):
    path, _ = merged
    before = contents(path)
    assert {"compression", "data", "run 0", "run 1", "run 2"} == names_in(path)
    assert contents(path) == before


def test_states_are_kept_every_some_seconds(tmp_path, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(checkpoint.time, "monotonic", lambda: now[0])
    folder = CheckpointFolder(tmp_path / "run", {})
    assert folder.due()
    folder.put("state 0", {})
    assert not folder.due()
    now[0] += checkpoint.EVERY - 1
    assert not folder.due()
    now[0] += 1
    assert folder.due()


def test_what_is_added_costs_its_own_size_and_is_not_held(tmp_path):
    path, values = tmp_path / "run", np.random.default_rng(0).random((20, 1000))
    folder = CheckpointFolder(path, {})
    for i, row in enumerate(values):
        mine = row.copy()
        folder.put(f"row {i}", {"x": mine}, {"i": i})
        held = weakref.ref(mine)
        del mine
        assert held() is None
        assert (path / f"row-{i}.h5").stat().st_size < row.nbytes + 8000  # what HDF5 and the head take
        if i == 9:
            before = answers(path)
    assert before.items() <= answers(path).items()  # none of them was written again
    assert sum(map(len, contents(path).values())) < 20 * (values[0].nbytes + 8000) + 1000
    again = CheckpointFolder(path, {})
    for i, row in enumerate(values):
        arrays, facts = again.get(f"row {i}")
        assert np.array_equal(arrays["x"], row) and facts == {"i": i}


@pytest.mark.slow
def test_starts_that_end_at_once_do_not_spoil_the_folder(tmp_path, monkeypatch):
    """Threads: the one that writes must not meet the one that strips the maps of a start that lost."""
    from concurrent.futures import ThreadPoolExecutor

    from unmix4d.decomposition.checkpoints import NMFCheckpoint
    from unmix4d.decomposition.factorisation import Factorisation

    checksum = checkpoint.array_checksum

    def slow_checksum(array):
        time.sleep(0.002)
        return checksum(array)

    monkeypatch.setattr(checkpoint, "array_checksum", slow_checksum)
    objectives = [5.0, 3.0, 4.0, 1.0, 1.0, 2.0]
    for order in range(3):
        path = tmp_path / str(order)
        kept = NMFCheckpoint(CheckpointFolder(path, {}))

        def keep(i, kept=kept):
            answer = Factorisation(
                maps=np.full((4, 2), i), patterns=np.full((2, 4), i), objective=objectives[i],
                history=np.zeros(3), changes=np.zeros((3, 2)), converged=True,
            )  # fmt: skip
            kept.start(i).keep(answer)

        with ThreadPoolExecutor(6) as pool:
            list(pool.map(keep, np.roll(range(6), order)))
        kept = NMFCheckpoint(CheckpointFolder(path, {}))
        assert [kept.start(i).get().maps.size > 0 for i in range(6)] == [False, False, False, True, False, False]
        assert np.all(kept.start(3).get().maps == 3)


# ------------------------------------------------------------------------------------------------ left alone


def test_what_is_no_checkpoint_is_left_alone(view, tmp_path):
    other = tmp_path / "scan.h5"
    view.nmf(2, random_state=0, max_iter=2).save(other)
    (tmp_path / "text").write_text("hello")
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "key.json").write_text(json.dumps({"format": "of another program"}))
    before = {path: contents(path) for path in (foreign,)} | {path: path.read_bytes() for path in (other, tmp_path / "text")}
    for path in (other, tmp_path / "text", tmp_path, foreign):
        with pytest.raises(OSError, match="not a checkpoint of unmix4d.* it is left as it is"):
            view.nmf(2, checkpoint=path)
    with pytest.raises(OSError, match="in a folder that can be written to"):
        view.nmf(2, checkpoint=tmp_path / "nowhere" / "a")
    with pytest.raises(OSError, match="in a folder that can be written to"):
        view.nmf(2, checkpoint=tmp_path / "text" / "a")
    with pytest.raises(ValueError, match="checkpoint must be a name that a file can have"):
        view.nmf(3, checkpoint=str(tmp_path / "a\0b"))
    with pytest.raises(TypeError, match="checkpoint must be the name of a file, got 5"):
        view.nmf(2, checkpoint=5)
    assert sorted(os.listdir(tmp_path)) == ["foreign", "scan.h5", "text"]
    for path, was in before.items():
        assert (contents(path) if path.is_dir() else path.read_bytes()) == was


def test_what_is_no_checkpoint_is_refused_before_the_scan_is_read(view, tmp_path, monkeypatch):
    monkeypatch.setattr("unmix4d.engine.matrix.PatternMatrix.statistics", lambda self: pytest.fail("read"))
    (tmp_path / "text").write_text("hello")
    for call in (view.merge_nmf, lambda **more: view.choose_k([2], **more)):
        for path in (tmp_path / "text", tmp_path):
            with pytest.raises(OSError, match="not a checkpoint of unmix4d"):
                call(checkpoint=path)
        with pytest.raises(TypeError, match="checkpoint must be the name of a file, got 5"):
            call(checkpoint=5)


@pytest.mark.parametrize("front", [0, 512])
def test_a_checkpoint_of_the_first_version_is_refused(front, view, tmp_path):
    path = tmp_path / "run.checkpoint.h5"
    with h5py.File(path, "w", userblock_size=front) as file:
        file.attrs["format"], file.attrs["format_version"] = "unmix4d checkpoint", 2
    before = path.read_bytes()
    with pytest.raises(OSError, match="a checkpoint of unmix4d 0.1.0, which was one file and not a folder"):
        view.nmf(2, checkpoint=path)
    assert path.read_bytes() == before


def test_one_of_a_newer_version_is_refused(view, merged):
    path, _ = merged
    head = json.loads((path / "key.json").read_text())
    (path / "key.json").write_text(json.dumps({**head, "format_version": 99}))
    with pytest.raises(OSError, match="a checkpoint of a newer unmix4d: update it"):
        view.merge_nmf(4, checkpoint=path, **OPTIONS)


def test_an_empty_folder_will_do(view, tmp_path):
    (tmp_path / "run").mkdir()
    view.nmf(2, random_state=0, max_iter=2, checkpoint=tmp_path / "run")
    assert {"compression", "data", "start 0"} == names_in(tmp_path / "run")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_to(view, tmp_path):
    (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(OSError, match="in a folder that can be written to"):
        view.nmf(2, checkpoint=tmp_path / "closed" / "run")


def test_two_programs_do_not_share_a_folder(tmp_path):
    first = CheckpointFolder(tmp_path / "run", {})
    late = CheckpointFolder(tmp_path / "run", {})
    first.put("a", {"x": np.arange(3)})
    with pytest.raises(OSError, match="cannot be saved to .*another program has written to it"):
        late.begin({"random_state": 3})  # begun with another seed, it would mix two runs
    second = CheckpointFolder(tmp_path / "run", {})
    second.put("b", {"x": np.arange(4)})
    with pytest.raises(OSError, match="another program has written to it"):
        first.put("c", {"x": np.arange(5)})
    assert second.names() == ["a", "b"]
    shutil.rmtree(tmp_path / "run")
    with pytest.raises(OSError, match="cannot be saved to .*no longer there"):
        second.put("c", {"x": np.arange(5)})


# ------------------------------------------------------------------------------------------------ damaged


@pytest.mark.parametrize("call", ["nmf", "merge_nmf"])
def test_a_damaged_checkpoint_is_an_error_not_an_answer(call, view, tmp_path):
    def again():
        return getattr(view, call)(3, random_state=0, max_iter=2, checkpoint=path, **more)

    path, more = tmp_path / "run", {"n_runs": 2} if call == "merge_nmf" else {}
    again()
    for name, whole in contents(path).items():
        for length in (10, 400, len(whole) // 2, len(whole) - 50, len(whole) - 1):
            (path / name).write_bytes(whole[: min(length, len(whole) - 1)])
            with pytest.raises(OSError, match="damaged|not a readable") as caught:
                again()
            assert str(caught.value).startswith(str(path / name))
        (path / name).write_bytes(whole)
    again()


@pytest.mark.parametrize("call", ["nmf", pytest.param("merge_nmf", marks=pytest.mark.slow)])
def test_flipped_bits_are_an_error_or_the_same_answer(call, view, tmp_path):
    def again():
        return getattr(view, call)(3, random_state=0, max_iter=2, checkpoint=path, **more)

    path, more = tmp_path / "run.checkpoint", {"n_runs": 3} if call == "merge_nmf" else {}
    result = again()
    whole, rng, refused = contents(path), np.random.default_rng(1), 0
    for _ in range(60):
        name = list(whole)[int(rng.integers(len(whole)))]
        data = bytearray(whole[name])
        data[int(rng.integers(len(data)))] ^= 1 << int(rng.integers(8))
        (path / name).write_bytes(data)
        try:
            found = again()
        except (OSError, ValueError) as error:
            refused += 1
            assert str(path) in str(error)
        else:
            assert np.allclose(found.maps, result.maps, rtol=0, atol=1e-6)
            if more:
                same(found, result)
        for other, data in whole.items():
            (path / other).write_bytes(data)
    assert refused > 10


def _other_values(file):
    file["arrays/maps"][0] = 7


def _bomb(file):
    file["arrays"].create_dataset("bomb", (10**5, 10**5), "f4", chunks=(1000, 1000))


def _link(file):
    del file["arrays/maps"]
    file["arrays/maps"] = h5py.ExternalLink("elsewhere.h5", "/x")


def _no_arrays(file):
    del file["arrays"]


def _other_format(file):
    file.attrs["format"] = "evil"


FORGED = {
    "one value changed": (_other_values, "maps is not as it was saved"),
    "claims more than it holds": (_bomb, "claims 40 GB"),
    "a link to another file": (_link, "link to somewhere else"),
    "without its arrays": (_no_arrays, "incomplete or damaged"),
    "of another format": (_other_format, "not a part of a checkpoint"),
}


@pytest.mark.parametrize("name", FORGED)
def test_forged_parts_are_refused_in_one_sentence(name, view, tmp_path):
    change, message = FORGED[name]
    path = tmp_path / "run"
    view.nmf(2, random_state=0, max_iter=2, checkpoint=path)
    with h5py.File(path / "start-0.h5", "r+") as file:
        change(file)
    with pytest.raises(OSError, match=message):
        view.nmf(2, max_iter=2, checkpoint=path)


def test_a_part_in_the_place_of_another_is_refused(view, merged, tmp_path):
    path, _ = merged
    shutil.copy(path / "run-0.h5", path / "run-1.h5")
    with pytest.raises(OSError, match="it was written as 'run 0'"):
        view.merge_nmf(4, checkpoint=path, **OPTIONS)
    view.merge_nmf(5, random_state=0, checkpoint=tmp_path / "other", **OPTIONS)
    shutil.copy(tmp_path / "other" / "run-1.h5", path / "run-1.h5")
    with pytest.raises(ValueError, match="is of another: initial_components is 5 there and 4 here"):
        view.merge_nmf(4, checkpoint=path, **OPTIONS)


def test_a_key_that_was_edited_is_refused(view, merged):
    path, _ = merged
    head = json.loads((path / "key.json").read_text())
    head["facts"]["random_state"] = 5  # the runs that are there were made with another seed
    (path / "key.json").write_text(json.dumps(head))
    with pytest.raises(OSError, match="key.json is not as it was saved"):
        view.merge_nmf(4, checkpoint=path, **OPTIONS)


# ------------------------------------------------------------------------------------------------ stopped in a writing


def test_a_writing_that_was_interrupted_counts_as_not_there(view, merged):
    """What kill -9 in the middle of a writing leaves: an unfinished file of another name, and no answer."""
    path, result = merged
    whole = contents(path)
    for left in (0, 5, len(whole["run-1.h5"])):
        (path / "run-1.h5").unlink()
        (path / ".unmix4d-1234").write_bytes(whole["run-1.h5"][:left])
        assert names_in(path) == {"compression", "data", "run 0", "run 2"}
        same(view.merge_nmf(4, checkpoint=path, **OPTIONS), result)
        assert contents(path).keys() == whole.keys()  # without the unfinished one


def test_before_its_key_is_written_a_folder_is_as_good_as_none(view, merged, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / ".unmix4d-1234").write_bytes(b"{")
    same(view.merge_nmf(4, random_state=0, checkpoint=other, **OPTIONS), merged[1])
    assert contents(other).keys() == contents(merged[0]).keys()


def test_an_answer_that_is_deleted_is_made_again(view, merged):
    path, result = merged
    before = answers(path)
    (path / "run-1.h5").unlink()
    same(view.merge_nmf(4, checkpoint=path, **OPTIONS), result)
    after = answers(path)
    assert after.keys() == before.keys() and all(after[name] == before[name] for name in before if name != "run-1.h5")


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_failed_write_leaves_the_folder_as_it_was(failing, view, tmp_path, monkeypatch):
    """The disk is full when a run is to be kept."""
    path, options = tmp_path / "run", {"max_iter": 5}
    view.merge_nmf(4, random_state=0, n_runs=2, checkpoint=path, **options)
    before, calls, real = answers(path), [], getattr(os, failing)

    def full(*args):
        calls.append(0)
        # Before: the mark of this session, with its folder.
        if len(calls) == (3 if failing == "fsync" else 2):
            raise OSError(28, "No space left on device")
        return real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(os, failing, full)
        with pytest.raises(OSError, match="the checkpoint cannot be saved to .*run-2.h5.*No space left"):
            view.merge_nmf(4, n_runs=3, checkpoint=path, **options)
    assert answers(path) == before and {*contents(path)} == {*before, "key.json"} and os.listdir(tmp_path) == ["run"]
    same(view.merge_nmf(4, n_runs=3, checkpoint=path, **options), view.merge_nmf(4, n_runs=3, random_state=0, **options))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="limits of a process are a matter of Unix")
@pytest.mark.slow
def test_a_full_disk_ends_the_run_and_not_the_interpreter(view, scan, tmp_path):
    path, data = tmp_path / "run", tmp_path / "data.npy"
    np.save(data, scan.data)
    view.merge_nmf(4, random_state=0, n_runs=1, max_iter=5, checkpoint=path)
    before = answers(path)
    code = (
        "import os, resource, signal, sys\n"
        "import numpy as np\n"
        "from unmix4d import Unmix\n"
        "view = Unmix(np.load(sys.argv[2]), centre=(9.5, 12.5))\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "limit = os.path.getsize(sys.argv[1] + '/key.json') + 200\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))\n"
        "try:\n"
        "    view.merge_nmf(4, n_runs=3, max_iter=5, checkpoint=sys.argv[1])\n"
        "except OSError as error:\n"
        "    print('refused:', error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path), str(data)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("refused: the checkpoint cannot be saved to") and "File too large" in done.stdout
    assert done.stdout.count("\n") == 1 and done.stderr == ""
    assert answers(path) == before and {*contents(path)} == {*before, "key.json"}
    same(
        view.merge_nmf(4, n_runs=3, max_iter=5, checkpoint=path),
        view.merge_nmf(4, n_runs=3, max_iter=5, random_state=0),
    )


def test_what_is_kept_is_not_made_again():
    answers = []
    kept = Kept(lambda: answers[0] if answers else None, answers.append)
    assert [kept_or_made(kept, lambda number=number: number) for number in (7, 8)] == [7, 7]
