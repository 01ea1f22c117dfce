"""Do with an installed frugal what one of its extras is for; or, for `core`, see that each is asked for by name.

    python -I .ci/try_extra.py core|semantic|ann|otlp|report

Run in an environment that has the wheel and that extra alone. Nothing goes over the network.
"""

import asyncio
import os
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(tempfile.mkdtemp(prefix="frugal-extra-"))
os.environ["FRUGAL_HOME"] = str(HERE)

import frugal  # noqa: E402  # after FRUGAL_HOME is set
from frugal.testing import FakeModel  # noqa: E402


def must(so: bool, seen: object) -> None:  # what an assertion would be, outside tests
    """End with what was seen, unless it is so."""
    if not so:
        sys.exit(f"not what it should be: {seen}")


def no_network(*_: Any) -> Any:
    """Fail whoever opens a connection elsewhere."""
    raise AssertionError("an extra went to the network")


def semantic() -> None:
    """Answer a paraphrase, with the embedder that ships its weights."""
    provider = FakeModel(answer="Paris.")

    @frugal.metered
    @frugal.semantic_cached(threshold=0.8)
    async def ask(prompt: str, *, model: str = "gpt-4o") -> Any:
        return await provider(prompt, model=model)

    async def main() -> list[str]:
        with frugal.scope() as run:
            await ask("What is the capital of France?")
            await ask("What's the capital city of France?")
        return [call.outcome for call in run.calls]

    found = asyncio.run(main())
    must(found == ["provider", "semantic"], found)


def ann() -> None:
    """Answer near repeats through an approximate index."""
    provider = FakeModel(answer="Paris.")

    def by_length(texts: list[str]) -> list[list[float]]:
        return [[float(len(text)), 1.0] for text in texts]

    @frugal.metered
    @frugal.semantic_cached(threshold=0.99, embed=by_length, index="ann")
    async def ask(prompt: str, *, model: str = "gpt-4o") -> Any:
        return await provider(prompt, model=model)

    async def main() -> list[str]:
        with frugal.scope() as run:
            await ask("Which town is the capital of France?")
            await ask("Which town is now the capital of France?")
        return [call.outcome for call in run.calls]

    found = asyncio.run(main())
    must(found == ["provider", "semantic"], found)


def otlp() -> None:
    """Set the export up, to an address where nobody listens."""
    from frugal.telemetry import export_otlp  # noqa: PLC0415

    export_otlp("http://127.0.0.1:9")


def report() -> None:
    """Write a page of a ledger."""
    from frugal.insight import report as write  # noqa: PLC0415

    with frugal.Ledger() as ledger:
        asyncio.run(ledger.record(model="gpt-4o", usage=frugal.Usage(input_tokens=1000)))
        page = write(ledger, HERE / "report.html")
    must("gpt-4o" in page.read_text(encoding="utf-8"), page)


WAYS = {"semantic": semantic, "ann": ann, "otlp": otlp, "report": report}


def core() -> None:
    """See that what is not installed is asked for by the name of its extra."""
    for name, way in WAYS.items():
        try:
            way()
        except frugal.errors.MissingExtraError as error:
            must(error.extra == name, (name, error))
        else:
            sys.exit(f"{name} went well without its extra")


if __name__ == "__main__":
    where = Path(frugal.__file__)
    must(Path(sys.prefix) in where.parents, f"frugal came from {where}")
    if sys.argv[1] != "otlp":
        socket.socket.connect = no_network  # type: ignore[method-assign]
    {"core": core, **WAYS}[sys.argv[1]]()
    print(f"{sys.argv[1]}: ok with {where.parent}")  # noqa: T201  # a script
