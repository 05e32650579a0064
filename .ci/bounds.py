"""The lower bounds of pyproject.toml as constraints for pip: the oldest world that it promises.

python3 .ci/bounds.py [EXTRA ...] prints a line `name==bound` for each requirement of the package and of these extras.
"""

import re
import sys

import tomllib


def oldest(requirement: str) -> str | None:
    """`name==bound` of a requirement with a lower bound; None of one without."""
    found = re.match(r"([\w.-]+)(?:\[[\w,]+\])?[^;]*>=\s*([\w.]+)", requirement)
    return f"{found[1]}=={found[2]}" if found else None


if __name__ == "__main__":
    with open("pyproject.toml", "rb") as file:
        project = tomllib.load(file)["project"]
    wanted = project["dependencies"] + [
        line for extra in sys.argv[1:] for line in project["optional-dependencies"][extra]
    ]
    print("\n".join(filter(None, map(oldest, wanted))))
