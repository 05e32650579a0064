"""Print the command of the README that is marked with the given name, so that what is tested is what is documented."""

import pathlib
import re
import sys


def command(name: str) -> str:
    text = pathlib.Path(__file__).parent.parent.joinpath("README.md").read_text(encoding="utf-8")
    found = re.findall(rf"<!-- command: {name} -->\s*```bash\n(.*?)\n```", text, flags=re.S)
    if len(found) != 1 or "\n" in found[0]:
        sys.exit(f"README.md must hold exactly one one-line command marked {name!r}, found {found}")
    return found[0]


if __name__ == "__main__":
    print(command(sys.argv[1]))
