"""Write tests/reference/methods.json: what every method gives today, so that tomorrow's change is seen.

    python benchmarks/checks/reference_results.py

To be run again only when an answer was meant to change; the difference then belongs into the change log.
"""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from support.reference_runs import RUNS, numbers_of, reference_scan, run  # noqa: E402


def main():
    data = reference_scan().data
    numbers = {name: numbers_of(run(name, data)) for name in RUNS}
    path = ROOT / "tests" / "reference" / "methods.json"
    path.write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")
    print(f"{path}: {len(numbers)} runs")


if __name__ == "__main__":
    main()
