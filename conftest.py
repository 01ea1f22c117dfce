"""Run the code blocks of README, docs and docstrings, each document in a home and a loop of its own.

The law: what a reader can copy has been run, offline, as it stands. A Markdown block may use `await` at
its top level, and blocks of one document share names, so a page reads as one session. A block of text right after
a block of Python is what that prints, `…` standing for what differs from run to run. Blocks that cannot run say so
in the page with a `<!-- skip: next -->` and its reason.
"""

import ast
import asyncio
import contextlib
import inspect
import io
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

from sybil import Document, Example, Sybil
from sybil.evaluators.doctest import DocTestEvaluator
from sybil.parsers.abstract.doctest import DocTestStringParser
from sybil.parsers.markdown import CodeBlockParser, SkipParser
from sybil.parsers.rest import DocTestParser
from sybil.region import Region

HOME = "FRUGAL_HOME"
RUNNER = "__runner__"
SHOWN = re.compile(r"`{0,3}\s*```text\n(?P<lines>.*?)^```$", re.DOTALL | re.MULTILINE)


def set_up(namespace: dict[str, Any]) -> None:
    """Give a document a directory of its own for everything that frugal writes."""
    namespace[HOME] = (os.environ.get(HOME), tempfile.mkdtemp(prefix="frugal-docs-"))
    os.environ[HOME] = namespace[HOME][1]


def tear_down(namespace: dict[str, Any]) -> None:
    """Close the document's loop, remove its directory, and put the environment back."""
    runner: asyncio.Runner | None = namespace.pop(RUNNER, None)
    if runner is not None:
        runner.close()
    before, home = namespace.pop(HOME)
    if before is None:
        os.environ.pop(HOME, None)
    else:
        os.environ[HOME] = before
    shutil.rmtree(home, ignore_errors=True)


def evaluate(example: Example) -> None:
    """Run a block of Python, at the right line numbers, with `await` allowed at its top level."""
    __tracebackhide__ = True
    source = "\n" * (example.line + example.parsed.line_offset) + example.parsed
    code = compile(source, example.path, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    example.namespace.setdefault("__name__", "__main__")
    shown = SHOWN.match(example.document.text, example.region.end)
    with contextlib.redirect_stdout(io.StringIO()) if shown else contextlib.nullcontext() as printed:
        if inspect.CO_COROUTINE & code.co_flags:
            runner = example.namespace.setdefault(RUNNER, asyncio.Runner())
            runner.run(eval(code, example.namespace))  # noqa: S307  # our own documentation
        else:
            exec(code, example.namespace)  # noqa: S102  # our own documentation
    if shown and printed:
        check(shown["lines"], printed.getvalue())


def check(expected: str, printed: str) -> None:
    """Compare what a block printed with what its page shows; `…` stands for anything within a line."""
    __tracebackhide__ = True
    pattern = re.escape(expected.rstrip()).replace("…", ".*?")
    stripped = "\n".join(line.rstrip() for line in printed.rstrip().splitlines())
    if not re.fullmatch(pattern, stripped):
        raise AssertionError(f"the page shows\n{expected}\nand the block prints\n{printed}")


class PythonBlocks:
    """Find ```` ```python ```` blocks: a session if it starts with `>>>`, else a script."""

    def __init__(self) -> None:
        self.blocks = CodeBlockParser("python", evaluate)
        self.sessions = DocTestStringParser(DocTestEvaluator())

    def __call__(self, document: Document) -> list[Region]:
        """Return the regions of *document* to run."""
        found: list[Region] = []
        for block in self.blocks(document):
            if not block.parsed.startswith(">>>"):
                found.append(block)
                continue
            for session in self.sessions(block.parsed, document.path):
                session.adjust(block, block.parsed)
                found.append(session)
        return found


pages = Sybil(
    name="page",
    parsers=[PythonBlocks(), SkipParser()],
    patterns=["docs/*.md", "docs/*/*.md", "docs/*/*/*.md"],
    filenames=["README.md", "README.zh-TW.md", "CONTRIBUTING.md"],
    setup=set_up,
    teardown=tear_down,
)
docstrings = Sybil(
    name="docstring",
    parsers=[DocTestParser()],
    patterns=["frugal/*.py", "frugal/*/*.py", "frugal/*/*/*.py"],
    setup=set_up,
    teardown=tear_down,
)

pytest_collect_file = (pages + docstrings).pytest()


def pytest_report_header() -> str:
    """Say where data that is not ours was looked for."""
    shared = Path(__file__).parent.parent / "shared" / "data"
    return f"shared data: {shared if shared.is_dir() else f'absent ({shared}); tests that measure on it skip'}"
