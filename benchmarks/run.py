"""Ask all questions about speed, each in a process of its own, and write the table and the plots.

    python benchmarks/run.py [--quick] [--only NAME ...]

What was measured stands in `build/bench/`: the table (`table.md`), a plot for each question and each curve (`*.svg`),
and pyperf's files (`*.json`), which `python -m pyperf compare_to before.json after.json` compares between two commits.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

from harness.question import OUT
from harness.report import report

QUESTIONS = (
    "floors",
    "exact_hits",
    "recording",
    "misses",
    "stalls",
    "import_time",
    "semantic_hits",
    "batching",
    "budgets",
    "request_keys",
    "routing_decisions",
    "memory",
    "growth_callers",
    "growth_cache",
    "growth_ledger",
)
"""In the order in which they are asked."""


def main() -> int:
    """Run what was asked for; return 1 where a script failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a few short rounds, to see that all of it works")
    parser.add_argument("--only", action="append", choices=QUESTIONS, help="one question")
    options = parser.parse_args()
    failed = []
    for name in options.only or QUESTIONS:
        print(f"\n--- {name}", flush=True)
        began = time.monotonic()
        script = [sys.executable, str(Path(__file__).with_name(f"{name}.py"))]
        if subprocess.run([*script, *(["--quick"] if options.quick else [])], check=False).returncode:
            failed.append(name)
        print(f"--- {name}: {'FAILED' if name in failed else 'ok'} in {time.monotonic() - began:.0f} s", flush=True)
    print()
    report(OUT, QUESTIONS, options.only or QUESTIONS)
    if failed:
        print(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
