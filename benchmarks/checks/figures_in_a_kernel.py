"""How many images a notebook shows of every plotting method of every answer, counted in a real kernel.

::

    python benchmarks/checks/figures_in_a_kernel.py --out docs/figures_in_a_kernel.md

With no ``%matplotlib`` line, with ``inline``, and with ``widget`` where ipympl is installed. Needs ipykernel; the rows of
orientations need orix.
"""

import argparse
import importlib.util
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from support.figures import ARGUMENTS, BEGIN, FUNCTIONS, ORIENTED, REFUSED, plotting_methods  # noqa: E402
from support.kernel import kernel  # noqa: E402

WORDS = """# Figures in a notebook

How many images a live kernel showed of every plotting method of every answer, alone in its cell. Made by
`python benchmarks/checks/figures_in_a_kernel.py`; a smaller form of it is among the tests.

"""


def counted(backend: str) -> dict[str, int]:
    """Images of every cell, by its code."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        with kernel(Path(folder), patch) as notebook:
            more = ORIENTED if importlib.util.find_spec("orix") else ""
            reply = notebook.run(f"{backend}\n{BEGIN}{more}")[0]
            assert reply["status"] == "ok", reply.get("evalue")
            plotting_methods(notebook)
            methods = (Path(folder) / "methods.txt").read_text().split()
            cells = {one: "answers[{!r}].{}".format(*one.rsplit(".", 1)) + f"({ARGUMENTS.get(one, '')})"
                     for one in methods if one not in REFUSED}  # fmt: skip
            cells |= {one.split("(")[0]: one for one in FUNCTIONS}
            return {one: len(notebook.shown(cell)) for one, cell in cells.items()}


def main() -> int:
    """Write the table; 1 where a cell did not show exactly one image."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args()
    backends = ["", "%matplotlib inline", *(["%matplotlib widget"] if importlib.util.find_spec("ipympl") else [])]
    columns = [counted(backend) for backend in backends]
    lines = ["| cell | " + " | ".join(f"`{name}`" if name else "no line" for name in backends) + " |"]
    lines.append("|---" * (1 + len(backends)) + "|")
    lines += [f"| `{one}()` | " + " | ".join(str(column[one]) for column in columns) + " |" for one in columns[0]]
    chosen.out.write_text(WORDS + "\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))
    return int(any(n != 1 for column in columns for n in column.values()))


if __name__ == "__main__":
    sys.exit(main())
