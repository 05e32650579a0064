"""``.unmix`` appears on the hosts' classes whatever was imported first, and never gets in their way."""

import gc
import importlib
import importlib.util
import logging
import pydoc
import subprocess
import sys
import textwrap
import types
import warnings
import weakref

import pytest

from unmix4d import registration
from unmix4d.core.messages import UnmixWarning


class StandIn:
    """Stands for unmix4d.views.unmix.Unmix."""

    def __init__(self, obj):
        self.obj = obj

    @classmethod
    def _of(cls, obj):
        return cls(obj)


@pytest.fixture
def hosts(tmp_path, monkeypatch):
    """``hosts(source)`` makes a host module with a class Cube and returns its name, the only one known."""
    accessor = types.ModuleType("unmix4d.views.unmix")
    accessor.Unmix = StandIn
    monkeypatch.setitem(sys.modules, "unmix4d.views.unmix", accessor)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name, value in (("_active", False), ("_hooked", set()), ("_told", set())):
        monkeypatch.setattr(registration, name, value)
    monkeypatch.setattr(registration, "_carriers", weakref.WeakSet())
    made = []

    def make(source="class Cube: pass", *classes):
        name = f"fake_host_{len(made)}_{id(made)}"
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(source))
        importlib.invalidate_caches()
        made.append(name)
        targets = tuple((name, cls) for cls in classes or ("Cube",))
        monkeypatch.setattr(registration, "_TARGETS", targets)
        return name

    yield make
    for name in made:
        sys.modules.pop(name, None)


@pytest.mark.parametrize("host_first", [True, False])
def test_attribute_appears_in_either_import_order(hosts, host_first):
    name = hosts()
    if host_first:
        importlib.import_module(name)
    registration.register()
    module = importlib.import_module(name)
    cube = module.Cube()
    assert isinstance(cube.unmix, StandIn) and cube.unmix.obj is cube
    assert module.Cube.unmix is StandIn
    assert "unmix" in dir(cube)


def test_nothing_is_kept_on_the_object(hosts):
    module = importlib.import_module(hosts())
    registration.register()
    cube = module.Cube()
    assert cube.unmix is not cube.unmix
    assert vars(cube) == {}
    cube.unmix = 1  # no data descriptor: the owner of the object may do as he likes
    assert cube.unmix == 1


def test_help_of_the_class_can_be_drawn(hosts):
    module = importlib.import_module(hosts())
    registration.register()
    assert "unmix" in pydoc.render_doc(module.Cube)
    assert "Stands for" in pydoc.render_doc(module.Cube.unmix)


def test_registering_twice_changes_nothing(hosts):
    module = importlib.import_module(hosts())
    registration.register()
    first = vars(module.Cube)["unmix"]
    registration.register()
    assert type(vars(module.Cube)["unmix"]) is type(first)
    assert len(registration._hooked) == 1


@pytest.mark.parametrize(
    "source",
    [
        "class Cube:\n    unmix = 'theirs'",
        "class Base:\n    unmix = 'theirs'\nclass Cube(Base): pass",
    ],
)
def test_an_attribute_of_the_host_stays_with_one_warning(hosts, source):
    module = importlib.import_module(hosts(source))
    with pytest.warns(UnmixWarning, match="has an attribute .unmix already"):
        registration.register()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        registration.register()
    assert module.Cube.unmix == "theirs"
    registration.unregister()
    assert module.Cube.unmix == "theirs"


def test_subclasses_share_the_attribute(hosts):
    name = hosts("class Cube: pass\nclass Small(Cube): pass", "Cube", "Small")
    registration.register()
    module = importlib.import_module(name)
    assert module.Small().unmix.obj is not None
    assert "unmix" not in vars(module.Small)


def test_a_failing_hook_does_not_break_the_import(hosts):
    name = hosts("x = 1", "NoSuchClass")
    registration.register()
    with pytest.warns(UnmixWarning, match="could not add .unmix to fake_host_.*NoSuchClass"):
        assert importlib.import_module(name).x == 1


def test_not_even_where_warnings_are_errors(hosts, caplog):
    name = hosts("x = 1", "NoSuchClass")
    registration.register()
    with warnings.catch_warnings(), caplog.at_level(logging.WARNING, logger="unmix4d"):
        warnings.simplefilter("error")
        assert importlib.import_module(name).x == 1
    assert "could not add" in caplog.text


def test_unregister_and_register_again(hosts):
    module = importlib.import_module(hosts())
    registration.register()
    registration.unregister()
    assert not hasattr(module.Cube, "unmix")
    registration.unregister()
    registration.register()
    assert isinstance(module.Cube().unmix, StandIn)


def test_unregister_stops_pending_hooks(hosts):
    name = hosts()
    registration.register()
    registration.unregister()
    module = importlib.import_module(name)
    assert not hasattr(module.Cube, "unmix")
    registration.register()
    assert hasattr(module.Cube, "unmix")


def test_classes_are_not_kept_alive(hosts):
    name = hosts()
    importlib.import_module(name)
    registration.register()
    del sys.modules[name]
    gc.collect()
    assert len(registration._carriers) == 0


def _run(code):
    """Run code in a new interpreter."""
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_real_hosts_imported_afterwards():
    available = [name for name in ("pyxem", "py4DSTEM") if importlib.util.find_spec(name)]
    if not available:
        pytest.skip("needs pyxem or py4DSTEM")
    out = _run(f"""
        import sys
        from unmix4d import registration
        heavy = ("pyxem", "hyperspy", "py4DSTEM", "numpy", "scipy", "dask", "sklearn", "matplotlib")
        loaded = [name for name in heavy if name in sys.modules]
        print("loaded:", loaded if registration.__package__ == "unmix4d" else "?")
        registration.register()
        available = {available!r}
        import numpy as np
        from unmix4d.views.unmix import Unmix
        if "py4DSTEM" in available:
            import py4DSTEM
            assert isinstance(py4DSTEM.DataCube(np.ones((2, 3, 4, 5))).unmix, Unmix)
        if "pyxem" in available:
            import hyperspy.api as hs
            signal = hs.signals.Signal2D(np.ones((2, 3, 4, 5)))
            assert not hasattr(signal, "unmix")
            signal.set_signal_type("electron_diffraction")
            assert isinstance(signal.unmix, Unmix)
            assert isinstance(signal.as_lazy().unmix, Unmix)
            signal.set_signal_type("polar_diffraction")
            assert isinstance(signal.unmix, Unmix)
        registration.unregister()
        if "pyxem" in available:
            assert not hasattr(signal, "unmix")
        """)
    assert "loaded: []" in out


@pytest.mark.slow
def test_real_host_imported_first():
    name = next((name for name in ("py4DSTEM", "pyxem") if importlib.util.find_spec(name)), None)
    if name is None:
        pytest.skip("needs pyxem or py4DSTEM")
    _run(f"""
        import {name}
        if "{name}" == "pyxem":
            from pyxem.signals import Diffraction2D as Class
        else:
            from py4DSTEM import DataCube as Class
        from unmix4d import registration
        registration.register()
        from unmix4d.views.unmix import Unmix
        assert Class.unmix is Unmix
        """)


@pytest.mark.slow
def test_signals_loaded_from_a_file_carry_the_attribute(tmp_path):
    """``import unmix4d`` first, and pyxem only by HyperSpy's own loading; then help and completion are of use."""
    if not importlib.util.find_spec("pyxem"):
        pytest.skip("needs pyxem")
    out = _run(f"""
        import unmix4d, sys
        assert "hyperspy" not in sys.modules
        import numpy as np, hyperspy.api as hs
        signal = hs.signals.Signal2D(np.random.default_rng(0).poisson(3, (3, 4, 10, 20)).astype("u2"))
        signal.metadata.Signal.signal_type = "electron_diffraction"
        signal.save({str(tmp_path / "scan.hspy")!r})
        for lazy in (False, True):
            loaded = hs.load({str(tmp_path / "scan.hspy")!r}, lazy=lazy)
            result = loaded.unmix.nmf(2, random_state=0)
            print(type(loaded).__name__, type(result.to_host()[1]).__name__)
        help(loaded.unmix)
        print([name for name in dir(loaded.unmix) if not name.startswith("_")])
        """)
    assert "ElectronDiffraction2D ElectronDiffraction2D" in out
    assert "LazyElectronDiffraction2D ElectronDiffraction2D" in out
    assert "Unmix a 4D-STEM scan" in out and "'nmf'" in out and "'prepare'" in out
