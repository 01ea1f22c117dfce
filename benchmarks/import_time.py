"""How long does `import frugal` take, beside the libraries that one would import in its place or with it?

Each import runs in a fresh process, ours and the peers in turn; what counts is what the import itself took inside that
process, not the interpreter's start. Then once each with `-X importtime`, for the slowest parts of ours.

Biases: the files are in the page cache and the bytecode is compiled. `import frugal` loads names when they are first
asked for, so the row "every public name" shows what a program pays that uses them all. LiteLLM is told to use its
local price map; by default it asks for one over the network.
"""

from __future__ import annotations

import os
import subprocess
import sys

from harness.question import Figure, Question, Row, asked

STATEMENTS = {
    "frugal": "import frugal",
    "frugal, every public name": "import frugal; [getattr(frugal, name) for name in frugal.__all__]",
    "frugal, the recommended stack": (
        "from frugal import metered, deduplicated, cached, semantic_cached, routed, budgeted, memory, disk, "
        "by_complexity"
    ),
    "litellm": "import litellm",
    "langchain-core": "import langchain_core.language_models, langchain_core.caches",
    "openai": "import openai",
    "gptcache": "import gptcache",
    "aiocache": "import aiocache",
    "cashews": "import cashews",
    "diskcache": "import diskcache",
    "genai-prices": "import genai_prices",
}
TIMED = (
    "import time; busy, begun = time.process_time(), time.perf_counter(); {}; "
    "print(time.perf_counter() - begun, time.process_time() - busy)"
)
SLOW, SELDOM = 2.0, 3
"""Seconds from which an import is slow, and how often such a one is repeated."""


def fresh(statement: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run a statement in a fresh process."""
    environment = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    return subprocess.run(
        [sys.executable, *options, "-c", statement], capture_output=True, text=True, check=False, env=environment
    )


def slowest(statement: str, count: int = 12) -> list[tuple[float, str]]:
    """Return the modules that took longest in themselves, in milliseconds."""
    lines = fresh(statement, "-X", "importtime").stderr.splitlines()
    parts = [line.removeprefix("import time:").split("|") for line in lines if line.startswith("import time:")]
    found = [(int(own) / 1000, name.strip()) for own, _, name in parts if own.strip().isdigit()]
    return sorted(found, reverse=True)[:count]


def measure(question: Question) -> None:
    """Import in turn."""
    taken: dict[str, Figure] = {}
    for turn in range(4 if question.quick else 12):
        for name, statement in STATEMENTS.items():
            slow = name in taken and len(taken[name].values) >= SELDOM and taken[name].least > SLOW
            if name in question.skipped or slow:
                continue
            run = fresh(TIMED.format(statement))
            if run.returncode:
                question.skip(name, (run.stderr.strip().splitlines() or ["it failed"])[-1])
            elif turn:  # The first one may compile.
                figure = taken.setdefault(name, Figure(name, []))
                wall, processor = map(float, run.stdout.split()[-2:])
                figure.values.append(wall)
                figure.processor.append(processor)
    figures = list(taken.values())
    question.keep(Row("import", "s", figures[0], figures[1:], "import"))
    for what in ("frugal", "frugal, every public name"):
        parts = slowest(STATEMENTS[what])
        print(f"    slowest in {what!r}: " + ", ".join(f"{name} {ms:.1f} ms" for ms, name in parts))


if __name__ == "__main__":
    asked(measure, "litellm", "langchain-core", "openai", "gptcache", "aiocache", "cashews", "diskcache")
