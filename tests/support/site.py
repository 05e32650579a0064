"""What the pages of the API list, read as the build of the site reads it."""

import functools
import importlib.util
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


@functools.cache
def members():
    """The module docs/_ext/members.py."""
    spec = importlib.util.spec_from_file_location("members", DOCS / "_ext" / "members.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def listed():
    """Everything that docs/reference has a page for."""
    return members().listed(DOCS)
