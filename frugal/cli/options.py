"""The options that several commands have: the same name, the same meaning, the same words everywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from frugal._values.record import OUTCOMES
from frugal._values.window import WINDOWS
from frugal.cli.endings import Trouble

__all__ = [
    "DIMENSIONS",
    "AsJson",
    "By",
    "LedgerDirectory",
    "Limit",
    "OnlyFunction",
    "OnlyKind",
    "OnlyModel",
    "OnlyOutcome",
    "OnlyProvider",
    "OnlyRun",
    "OnlyTag",
    "OnlyUser",
    "Since",
    "Timezone",
    "Until",
    "Yes",
    "filters",
    "groups",
]

DIMENSIONS = (*WINDOWS, "user", "model", "provider", "function", "run", "outcome", "kind")
"""What `--by` takes, besides `tag:<name>`."""

_WHAT = "Choose"
_WHERE = "Where and how"


def _completed_by(incomplete: str) -> list[str]:
    head, comma, last = incomplete.rpartition(",")
    return [f"{head}{comma}{name}" for name in (*DIMENSIONS, "tag:") if name.startswith(last)]


def _completed_outcome(incomplete: str) -> list[str]:
    return [name for name in OUTCOMES if name.startswith(incomplete)]


def _completed_zone(incomplete: str) -> list[str]:
    from zoneinfo import available_timezones  # noqa: PLC0415 reads a directory tree: only on a TAB

    return sorted(name for name in available_timezones() if name.startswith(incomplete))


def _known(dimension: str) -> Callable[[typer.Context, str], list[str]]:
    """Return what completes the values that the ledger has; a ledger that cannot be read has none."""

    def completed(context: typer.Context, incomplete: str) -> list[str]:
        from frugal.ledger import Ledger  # noqa: PLC0415 only on a TAB

        try:
            with Ledger(context.params.get("ledger")) as books:
                names = [row.group[dimension] for row in books.usage(by=(dimension,))]
        except Exception:  # a TAB is no place for an error
            return []
        return sorted(name for name in names if name.startswith(incomplete) and name.isprintable())[:_MANY]

    return completed


_MANY = 200  # names that a shell is given on a TAB

LedgerDirectory = Annotated[
    Path | None,
    typer.Option(
        "--ledger",
        metavar="DIR",
        help="The ledger's directory; by default 'ledger' in $FRUGAL_HOME or in the user's data directory.",
        rich_help_panel=_WHERE,
    ),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="One JSON document, for programs.", rich_help_panel=_WHERE, show_default=False)
]
Timezone = Annotated[
    str,
    typer.Option(
        "--timezone",
        metavar="ZONE",
        help="Whose calendar, such as Europe/Berlin.",
        autocompletion=_completed_zone,
        rich_help_panel=_WHERE,
    ),
]
Since = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar="WHEN",
        help="From then: a date, a time, 7d or 12h ago, today, yesterday, week, month.",
        rich_help_panel=_WHAT,
    ),
]
Until = Annotated[
    str | None, typer.Option("--until", metavar="WHEN", help="Until before then; likewise.", rich_help_panel=_WHAT)
]
By = Annotated[
    list[str] | None,
    typer.Option(
        "--by",
        metavar="NAME",
        help=f"Group by {', '.join(DIMENSIONS)}, tag:NAME; several by commas or by repeating it.",
        autocompletion=_completed_by,
        rich_help_panel=_WHAT,
    ),
]
Limit = Annotated[
    int | None,
    typer.Option("--limit", min=0, metavar="N", help="At most so many rows; 0 for all.", rich_help_panel=_WHAT),
]
OnlyUser = Annotated[
    str | None, typer.Option("--user", help="Only this user's.", autocompletion=_known("user"), rich_help_panel=_WHAT)
]
OnlyModel = Annotated[
    str | None,
    typer.Option("--model", help="Only this model's.", autocompletion=_known("model"), rich_help_panel=_WHAT),
]
OnlyProvider = Annotated[
    str | None,
    typer.Option("--provider", help="Only this provider's.", autocompletion=_known("provider"), rich_help_panel=_WHAT),
]
OnlyFunction = Annotated[
    str | None,
    typer.Option(
        "--function",
        help="Only this function's, by its whole name.",
        autocompletion=_known("function"),
        rich_help_panel=_WHAT,
    ),
]
OnlyKind = Annotated[
    str | None,
    typer.Option(
        "--kind", help="Only this kind: llm, tool, or your own.", autocompletion=_known("kind"), rich_help_panel=_WHAT
    ),
]
OnlyOutcome = Annotated[
    str | None,
    typer.Option("--outcome", help="Only this outcome.", autocompletion=_completed_outcome, rich_help_panel=_WHAT),
]
OnlyRun = Annotated[str | None, typer.Option("--run", help="Only this run's.", rich_help_panel=_WHAT)]
OnlyTag = Annotated[
    list[str] | None,
    typer.Option("--tag", metavar="NAME=VALUE", help="Only what has this tag; repeatable.", rich_help_panel=_WHAT),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.", show_default=False)]


def groups(given: Iterable[str] | None, default: tuple[str, ...]) -> tuple[str, ...]:
    """Read `--by`.

    Raises:
        Trouble: a name is not known.
    """
    names = [name.strip() for text in given or () for name in text.split(",") if name.strip()]
    for name in names:
        if name not in DIMENSIONS and not (name.startswith("tag:") and len(name) > 4):
            raise Trouble(f"--by {name!r} is not known: take {', '.join(DIMENSIONS)}, or tag:NAME.")
    return tuple(dict.fromkeys(names)) or default


def filters(*, tag: Iterable[str] | None = None, **only: str | None) -> dict[str, Any]:
    """Return what the ledger takes as filters.

    Raises:
        Trouble: a tag is not `NAME=VALUE`, or an outcome is not known.
    """
    outcome = only.get("outcome")
    if outcome is not None and outcome not in OUTCOMES:
        raise Trouble(f"--outcome {outcome!r} is not known: take one of {', '.join(OUTCOMES)}.")
    tags = {}
    for text in tag or ():
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise Trouble(f"--tag {text!r} is not NAME=VALUE, such as --tag feature=search.")
        tags[name] = value
    found: dict[str, Any] = {name: value for name, value in only.items() if value is not None}
    return {**found, "tags": tags} if tags else found
