"""The version, alone in a file so that building the package imports nothing."""

import functools
import sys

__version__ = "0.1.0"


@functools.cache
def installed_version(name: str) -> str | None:
    """Version of an installed package, None where it is not installed; its files are read once, not for every result."""
    known = getattr(sys.modules.get(name), "__version__", None)
    if isinstance(known, str):  # of what is imported already
        return known
    from importlib import metadata

    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


# Hosts that do not install on newer ones: pyxem 0.21 needs zarr 2, whose numcodecs have no wheel for Python 3.14.
_NEWEST_PYTHON = {"pyxem": (3, 13), "hyperspy": (3, 13), "orix": (3, 13), "py4DSTEM": (3, 12)}


def unless_python(package: str | None) -> str:
    """What to say besides that a host is not installed, where no Python as new as this one can install it; else nothing."""
    newest = _NEWEST_PYTHON.get(package or "")
    if newest is None or sys.version_info[:2] <= newest:
        return ""
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return f" ({package} needs Python {newest[0]}.{newest[1]} or older, this is {here})"
