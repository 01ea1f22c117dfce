"""Rendering: from figures to one page that stands by itself.

Law: everything is escaped by the template; data for the charts stands in a block that no browser runs; and a content
security policy, with the digests of the two scripts that may run, forbids the network and anything that slipped in.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any

from frugal.errors import MissingExtraError
from frugal.insight import wording
from frugal.insight.advice.piece import Advice
from frugal.insight.reporting.figures import Figures, gather
from frugal.insight.reporting.head import head
from frugal.insight.reporting.names import named
from frugal.ledger import Ledger
from frugal.ports import Prices

__all__ = ["render", "report"]

_ROWS = 12  # of a table, before the rest is folded away


def render(
    ledger: Ledger,
    *,
    since: datetime | float | None = None,
    until: datetime | float | None = None,
    timezone: str = "UTC",
    title: str = "What language models cost",
    prices: Prices | Mapping[str, Any] | None = None,
    on_record: Callable[[], None] | None = None,
) -> str:
    """Return a ledger as one HTML page that needs no network.

    Args:
        ledger: what to show.
        since: from when; a datetime (a naive one of `timezone`), or Unix seconds.
        until: until before when.
        timezone: whose calendar.
        title: what stands on top.
        prices: rates for the advice; the ledger's own when `None`.
        on_record: called for every record that is read, to show progress.

    Returns:
        The page, of about 1.4 MB: Bokeh, which draws the charts, stands in it.

    Raises:
        MissingExtraError: the extra `frugal[report]` is not installed.
        LedgerUnavailableError: the ledger cannot be read now.
        LedgerFormatError: the directory is not a ledger.
        ValueError: the zone is unknown.
    """
    try:
        from frugal.insight.reporting import charts  # noqa: PLC0415 optional
    except ImportError as error:
        raise MissingExtraError("the report (bokeh)", "report") from error
    figures = gather(ledger, since=since, until=until, timezone=timezone, title=title, prices=prices, step=on_record)
    bokeh = charts.bokeh_script().replace("\r", "").replace("</script", "<\\/script")
    own = _file("page.js")
    drawn = charts.charts(figures)
    policy = (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; base-uri 'none'; "
        f"form-action 'none'; script-src {_digest(bokeh)} {_digest(own)}"
    )
    page: str = _template(figures.decimals).render(
        figures=figures,
        head=head(figures),
        rows_of={name: bars.rows for name, bars in charts.bars_of(figures).items()},
        advice=_sorted_out(figures),
        data=_quiet(drawn),
        policy=policy,
        css=_file("page.css"),
        bokeh=bokeh,
        script=own,
        named=named,
        legend=charts.legend(figures),
        rows=_ROWS,
    )
    return page


def report(
    ledger: Ledger,
    path: str | os.PathLike[str],
    *,
    since: datetime | float | None = None,
    until: datetime | float | None = None,
    timezone: str = "UTC",
    title: str = "What language models cost",
    prices: Prices | Mapping[str, Any] | None = None,
    on_record: Callable[[], None] | None = None,
) -> Path:
    """Write a ledger to a file as one HTML page; takes what `render` takes.

    Args:
        ledger: what to show.
        path: the file; one that is there is replaced once the new one is whole.
        since: from when.
        until: until before when.
        timezone: whose calendar.
        title: what stands on top.
        prices: rates for the advice.
        on_record: called for every record that is read.

    Returns:
        The file.

    Raises:
        MissingExtraError: the extra `frugal[report]` is not installed.
        LedgerUnavailableError: the ledger cannot be read now.
        LedgerFormatError: the directory is not a ledger.
        OSError: the file cannot be written.
        ValueError: the zone is unknown.
    """
    page = render(ledger, since=since, until=until, timezone=timezone, title=title, prices=prices, on_record=on_record)
    place = Path(path)
    handle, half = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(page)
        Path(half).replace(place)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(half).unlink()
        raise
    return place


def _file(name: str) -> str:
    return resources.files("frugal.insight.reporting").joinpath(name).read_text(encoding="utf-8")


def _template(decimals: int) -> Any:
    import jinja2  # noqa: PLC0415 comes with the extra

    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
                                     lstrip_blocks=True)  # fmt: skip
    environment.filters |= {
        "money": partial(wording.money, decimals=decimals),
        "cost": partial(wording.cost, decimals=decimals),
        "count": wording.count,
        "compact": wording.compact,
        "percent": wording.percent,
        "seconds": wording.seconds,
        "exact": lambda amount: "unpriced" if amount is None else str(amount),
    }
    return environment.from_string(_file("page.html"))


def _digest(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def _quiet(value: Any) -> str:
    """Return JSON in which nothing can end the block that it stands in."""
    said = json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return said.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _sorted_out(figures: Figures) -> dict[str, list[Advice]]:
    """Return the advice by what it comes to: what saves or costs something is read first, the rest when asked for."""
    found: dict[str, list[Advice]] = {"counts": [], "unknown": [], "nothing": []}
    for advice in figures.advice:
        found["unknown" if advice.saving is None else "counts" if advice.saving else "nothing"].append(advice)
    return found
