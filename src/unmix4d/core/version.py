"""The version, alone in a file so that building the package imports nothing."""

import functools

__version__ = "0.1.0"


@functools.cache
def installed_version(name: str) -> str | None:
    """Version of an installed package, None where it is not installed; its files are read once, not for every result."""
    from importlib import metadata

    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
