"""Break each guard of `tests/guards.toml` in a copy of the repository, and see the test fail that it names.

    python .ci/mutants.py [WORDS]      all of them, or those in whose words WORDS occur
    python .ci/mutants.py --table      the table of CONTRIBUTING.md

A guard that can be broken without a test failing is no guard: exit status 1.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
GUARDS = ROOT / "tests" / "guards.toml"
LEFT_OUT = shutil.ignore_patterns(
    ".git",
    ".venv*",
    ".hypothesis",
    ".pytest_cache",
    ".mypy_cache",
    ".ruff_cache",
    "__pycache__",
    "build",
    "dist",
    "site",
)


def guards() -> list[dict[str, str]]:
    """Return the guards, in the order of the file."""
    found: list[dict[str, str]] = tomllib.loads(GUARDS.read_text(encoding="utf-8"))["guard"]
    return found


def table() -> str:
    """Return the guards as a table of Markdown."""
    rows = [f"| {one['keeps']} | `{one['file']}` | `{one['test']}` |" for one in guards()]
    return "\n".join(["| guard | broken in | caught by |", "| --- | --- | --- |", *rows])


def tried(guard: dict[str, str], copy: Path) -> str:
    """Break one guard in the copy, run its test, and mend it again; return what came of it."""
    path = copy / guard["file"]
    whole = path.read_text(encoding="utf-8")
    if whole.count(guard["old"]) != 1:
        return "DOES NOT APPLY"
    path.write_text(whole.replace(guard["old"], guard["new"]), encoding="utf-8")
    try:
        run = subprocess.run(  # noqa: S603 our own tests
            [sys.executable, "-B", "-m", "pytest", "-q", "-x", "--no-header", "-p", "no:cacheprovider", "--timeout=300",
             guard["test"]],
            cwd=copy,
            env={**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1", "FRUGAL_UNSHRUNK": "1"},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    finally:
        path.write_text(whole, encoding="utf-8")
    if run.returncode == 1:
        return "caught"
    return "SURVIVED" if run.returncode == 0 else f"BROKE THE TEST RUN\n{run.stdout[-2000:]}{run.stderr[-2000:]}"


def main(arguments: list[str]) -> int:
    """Try the guards, and return the exit status."""
    if arguments == ["--table"]:
        print(table())
        return 0
    wanted = [one for one in guards() if " ".join(arguments).casefold() in f"{one}".casefold()]
    lost = []
    with tempfile.TemporaryDirectory(prefix="frugal-mutants-") as name:
        copy = Path(name) / "frugal"
        shutil.copytree(ROOT, copy, ignore=LEFT_OUT)
        for guard in wanted:
            began = time.monotonic()
            what = tried(guard, copy)
            lost += [guard] if what != "caught" else []
            print(f"{what:10} {time.monotonic() - began:5.1f} s  {guard['keeps']}", flush=True)
    print(f"\n{len(wanted) - len(lost)} of {len(wanted)} guards have a test that fails without them.")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
