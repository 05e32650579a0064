"""What the page of a class lists: its properties, and its methods, which have pages of their own."""

import importlib
import inspect
import re
from pathlib import Path

LISTED = re.compile(r"^   (unmix4d\.[\w.]+)$", flags=re.M)


def listed(docs):
    """Everything that docs/reference has a page for."""
    pages = (page.read_text(encoding="utf-8") for page in (Path(docs) / "reference").glob("*.md"))
    return {name for page in pages for name in LISTED.findall(page)}


def properties_of(fullname):
    """Names of the public properties of a class, inherited ones too."""
    members = inspect.getmembers_static(_class(fullname))
    return [name for name, member in members if isinstance(member, property) and not name.startswith("_")]


def pages_of_methods(fullname, pages):
    """Pages of the public methods of a class; of those that it inherits, the page of the class that has one."""
    found = []
    for name, _ in inspect.getmembers(_class(fullname), callable):
        owners = (fullname, "unmix4d.Unmix", "unmix4d.Decomposition")
        page = next((f"{owner}.{name}" for owner in owners if f"{owner}.{name}" in pages), None)
        if page and not name.startswith("_"):
            found.append(page)
    return found


def without_a_page(fullname, pages):
    """Public methods of a class that no page describes."""
    shown = {page.rpartition(".")[2] for page in pages_of_methods(fullname, pages)}
    methods = inspect.getmembers(_class(fullname), inspect.isfunction)
    return [name for name, _ in methods if not name.startswith("_") and name not in shown]


def _class(fullname):
    module, _, name = fullname.rpartition(".")
    return getattr(importlib.import_module(module), name)
