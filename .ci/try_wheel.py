"""Run the Python blocks of a Markdown file against the installed frugal, as its first user would.

Run with `python -I`, so that the checkout beside it cannot be what is imported.
"""

import ast
import asyncio
import inspect
import os
import re
import sys
import tempfile
from pathlib import Path

BLOCK = re.compile(r"^(?P<skip><!-- skip: next[^\n]*\n\n?)?```python\n(?P<code>.*?)^```$", re.DOTALL | re.MULTILINE)


def main(page: Path) -> None:
    """Run the blocks of *page* in order, in one namespace and one loop; fail when there are none."""
    import frugal  # noqa: PLC0415  # after FRUGAL_HOME is set, and what is under test

    where = Path(frugal.__file__)
    if Path(sys.prefix) not in where.parents:
        sys.exit(f"frugal came from {where}, not from the environment {sys.prefix}")
    text = page.read_text(encoding="utf-8")
    blocks = [match for match in BLOCK.finditer(text) if not match["skip"] and not match["code"].startswith(">>>")]
    if not blocks:
        sys.exit(f"{page} has no Python block to run")
    namespace: dict[str, object] = {"__name__": "__main__"}
    with asyncio.Runner() as runner:
        for match in blocks:
            line = text.count("\n", 0, match.start("code"))
            code = compile("\n" * line + match["code"], str(page), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            if code.co_flags & inspect.CO_COROUTINE:
                runner.run(eval(code, namespace))  # noqa: S307  # our own README
            else:
                exec(code, namespace)  # noqa: S102  # our own README
    print(f"{len(blocks)} blocks of {page} ran with {where.parent}")  # noqa: T201  # a script


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as home:
        os.environ["FRUGAL_HOME"] = home
        main(Path(sys.argv[1]))
