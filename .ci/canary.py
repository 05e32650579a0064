"""Which package broke what: the failures of a run with the newest packages, by the package in whose code they arose.

python .ci/canary.py LOG prints a line for each package with its version, its failures and the first error.
"""

import re
import sys
from collections import defaultdict
from importlib.metadata import packages_distributions, version


def culprits(log: str) -> dict[str, list[tuple[str, str]]]:
    """(test, error) of every failure, by the package whose code or warning it names last; unmix4d where there is none."""
    found = defaultdict(list)
    section = r"^_+ (?:ERROR \w+ \w+ )?(\S+.*?) _+$\n(.*?)(?=^_+ (?!_)|^={3,} )"
    for head, body in re.findall(section, log, flags=re.M | re.S):
        places = re.findall(r"site-packages/([\w]+)", body)
        errors = re.findall(r"^E\s+(\S.*)$", body, flags=re.M)
        named = re.findall(r"^(\w+)\.\S*(?:Warning|Error)", errors[0]) if errors else []
        package = next((name for name in [*named, *places[::-1]] if name not in ("pytest", "_pytest", "pluggy")), "unmix4d")
        found[package].append((head, errors[0] if errors else "no error is given"))
    return found


def told(package: str) -> str:
    """The package with its version, where it has one."""
    distributions = packages_distributions().get(package, [])
    return f"{package} {version(distributions[0])}" if distributions else package


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        log = file.read()
    for package, failures in sorted(culprits(log).items(), key=lambda item: -len(item[1])):
        print(f"canary: {told(package)} breaks {len(failures)}: {failures[0][0]}: {failures[0][1][:160]}")
    print("canary: " + (log.strip().splitlines() or ["nothing was run"])[-1])
