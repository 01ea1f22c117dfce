"""Make the pictures of README and docs again: `make pictures`.

The report is the one of `frugal demo`'s ledger, in a headless Chromium; the trace is drawn from the spans of a small
agent, as any OpenTelemetry backend gets them. Both are offline. Chromium and its chromedriver must be installed.
"""

import asyncio
import html
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ROW, LEFT, WIDTH = 26, 330, 960


# --------------------------------------------------------------------------- the report


def frugal(*words: str | Path) -> None:
    """Run a command of frugal's own, as a user would."""
    program = Path(sys.executable).with_name("frugal")
    subprocess.run([program, *map(str, words)], check=True, stdout=subprocess.DEVNULL)  # noqa: S603  # our own


def report_picture(place: Path) -> None:
    """Photograph the report of the demo's ledger."""
    from selenium import webdriver  # noqa: PLC0415  # only this picture needs it

    with tempfile.TemporaryDirectory() as room:
        ledger, page = Path(room) / "ledger", Path(room) / "report.html"
        frugal("demo", "--ledger", ledger)
        frugal("report", "--ledger", ledger, "--html", page, "--title", "A week of a support desk")
        options = webdriver.ChromeOptions()
        options.binary_location = next(filter(None, map(shutil.which, BROWSERS)), "")
        for argument in (
            *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"),
            *("--window-size=1100,1240", "--force-device-scale-factor=1", f"--user-data-dir={room}/profile"),
        ):
            options.add_argument(argument)
        service = webdriver.ChromeService(executable_path=shutil.which("chromedriver"))
        browser = webdriver.Chrome(options=options, service=service)
        try:
            browser.get(page.as_uri())
            browser.implicitly_wait(10)
            browser.find_element("css selector", "main, body")
            browser.execute_async_script("setTimeout(arguments[0], 1500)")  # until the charts are drawn
            browser.save_screenshot(str(place))
        finally:
            browser.quit()


# --------------------------------------------------------------------------- the trace


async def answer_one_question() -> None:
    """Be an agent: think, ask the same from three sides at once, and think again."""
    from frugal import cached, cascade, deduplicated, memory, metered, routed, scope  # noqa: PLC0415
    from frugal.testing import FakeModel  # noqa: PLC0415

    provider = FakeModel(latency=0.12, answer=lambda text: "A long answer. " * 12)

    @metered
    @deduplicated
    @cached(layers=[memory])
    @routed(cascade(["gpt-4o-mini", "gpt-4o"], accept=lambda answer: "mini" not in answer.model))
    async def think(prompt: str, *, model: str = "gpt-4o") -> Any:
        return await provider(prompt=prompt, model=model)

    @metered
    @deduplicated
    async def search(prompt: str, *, model: str = "gpt-4o-mini") -> Any:
        return await provider(prompt=prompt, model=model)

    @metered
    async def agent(question: str) -> None:
        await think(f"Plan: {question}")
        await asyncio.gather(*(search("the weather in Oslo") for _ in range(2)), search("walks in Oslo"))
        await think(f"Plan: {question}")

    with scope(user="ada"):
        await agent("Plan my walk in Oslo")


def trace_picture(place: Path) -> None:
    """Draw the spans of one question, asked once before so that nothing is imported in the middle of it."""
    asyncio.run(answer_one_question())
    seen = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(seen))
    trace.set_tracer_provider(provider)
    asyncio.run(answer_one_question())
    place.write_text(drawn(in_order(seen.get_finished_spans(), 0, 0)), encoding="utf-8")


def in_order(spans: tuple[ReadableSpan, ...], inside: int, depth: int) -> list[tuple[int, ReadableSpan]]:
    """Return the spans below *inside*, each with its depth, as one reads a tree."""
    found = []
    for span in sorted(spans, key=lambda span: span.start_time or 0):
        if (span.parent.span_id if span.parent else 0) == inside and span.context:
            found += [(depth, span), *in_order(spans, span.context.span_id, depth + 1)]
    return found


def drawn(rows: list[tuple[int, ReadableSpan]]) -> str:
    """Return the picture: a line for each span, its time as a bar, and what it says about money."""
    first = min(span.start_time or 0 for _, span in rows)
    last = max(span.end_time or 0 for _, span in rows)
    scale = (WIDTH - LEFT - 190) / (last - first)
    lines = []
    for number, (depth, span) in enumerate(rows):
        facts = span.attributes or {}
        top = 44 + number * ROW
        x, long = (
            LEFT + ((span.start_time or 0) - first) * scale,
            ((span.end_time or 0) - (span.start_time or 0)) * scale,
        )
        cost, saved = facts.get("operation.cost"), facts.get("frugal.saved")
        outcome = facts.get("frugal.outcome")
        kind = "call" if cost is not None else "hit" if saved else "ring"
        said = f"${cost:.6f}" if cost is not None else f"{outcome}, saved ${saved:.6f}" if saved else str(outcome or "")
        lines.append(
            f'<text x="{14 + depth * 18}" y="{top + 5}">{html.escape(span.name)}</text>'
            f'<rect class="{kind}" x="{x:.1f}" y="{top - 7}" width="{max(long, 2):.1f}" height="14" rx="2"/>'
            f'<text class="said" x="{x + max(long, 2) + 6:.1f}" y="{top + 5}">{html.escape(said)}</text>'
        )
    height = 44 + len(rows) * ROW
    style = (
        "text{font:13px ui-monospace,Menlo,Consolas,monospace;fill:#1f2933}.said{fill:#52606d;font-size:12px}"
        "rect.back{fill:#fff;stroke:#cbd2d9}rect.ring{fill:#9fb3c8}rect.call{fill:#0b7a75}rect.hit{fill:#d9a441}"
        "@media(prefers-color-scheme:dark){text{fill:#e4e7eb}.said{fill:#9aa5b1}rect.back{fill:#1f2933;stroke:#3e4c59}}"
    )
    head = f"{len(rows)} spans of one question; green: a provider call with its cost; yellow: answered for nothing"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">'
        f"<title>A trace: {head}</title><style>{style}</style>"
        f'<rect class="back" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="6"/>'
        f'<text class="said" x="14" y="22">{head}</text>\n' + "\n".join(lines) + "\n</svg>\n"
    )


if __name__ == "__main__":
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        os.environ["FRUGAL_HOME"] = home
        trace_picture(IMAGES / "trace.svg")
        report_picture(IMAGES / "report.png")
    for picture in sorted(IMAGES.iterdir()):
        print(f"{picture.relative_to(ROOT)}: {picture.stat().st_size:,} bytes")  # noqa: T201  # a script
    sys.exit(any(picture.stat().st_size > 200_000 for picture in IMAGES.iterdir()))
