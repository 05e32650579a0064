"""Hostile files and options: the command line says what happened in its exit code and in one sentence."""

import gc

import pytest

# Readers of hosts that give up leave files open.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
pytest.importorskip("hypothesis")

from hypothesis import HealthCheck, Phase, given, settings  # noqa: E402
from hypothesis import seed as seeded  # noqa: E402

from support.hostile_commands import FILES, command_cases, run_command  # noqa: E402
from support.hostile_contract import Broken  # noqa: E402
from support.seeds import SEED  # noqa: E402


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("commands")


@pytest.fixture(scope="module", autouse=True)
def _files_are_closed_here():
    """And not by the garbage collector in the middle of another test, which would fail of the warning."""
    yield
    gc.collect()


OPTIONS = dict(database=None, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])


@settings(max_examples=20, derandomize=True, **OPTIONS)
@given(case=command_cases())
def test_the_command_says_what_happened(folder, case):
    run_command(*case, folder, drawing=False)


@pytest.mark.slow
def test_new_commands_every_day(folder):
    @seeded(SEED)
    @settings(max_examples=60, **OPTIONS)
    @given(case=command_cases())
    def said_what_happened(case):
        run_command(*case, folder, drawing=False)

    said_what_happened()


@pytest.mark.one_in(4)
@pytest.mark.parametrize("name", FILES)
def test_every_kind_of_file(name, folder):
    """The number of components is wrong as well, which is said after the file was looked at: quick."""
    outcome, code, said = run_command(name, "", 0, ["--components", "10000"], folder)
    assert outcome == "absent" or (outcome == "refused" and code == 2), said


def test_the_judge_sees_what_it_should(folder, monkeypatch):
    """Exit code 0 without files, an error of somebody else, and one that nobody caught."""
    import unmix4d.commands.steps as steps

    def attempt(function):
        monkeypatch.setattr(steps, "compute", function)
        run_command("scan.npy", "", 0, ["--components", "2"], folder)

    with pytest.raises(Broken, match="the files are not there"):
        attempt(lambda view, plan, out: {})
    with pytest.raises(Broken, match="no error for a user"):
        attempt(lambda view, plan, out: {}["x"])
    with pytest.raises(Broken, match="GeneratorExit came out|exit code"):
        attempt(lambda view, plan, out: (_ for _ in ()).throw(SystemExit(7)))
