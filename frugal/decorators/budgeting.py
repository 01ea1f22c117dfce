"""`budgeted`: say how much a function may spend."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from frugal._core.call import Call
from frugal._middleware.budgeted import Budgeted
from frugal._values.budget import Budget
from frugal._values.money import Money
from frugal._values.record import BudgetStatus
from frugal.decorators.wiring import Decorator, decorate, metering
from frugal.errors import BudgetExceededError

__all__ = ["budgeted"]

Dollars = Money | str | float | Decimal

ON_EXCEEDED = ("raise", "suggest", "stop")


def budgeted(
    *budgets: Budget,
    daily_usd: Dollars | None = None,
    monthly_usd: Dollars | None = None,
    daily_tokens: int | None = None,
    monthly_tokens: int | None = None,
    run_usd: Dollars | None = None,
    per: str | None = None,
    warn_at: float | None = None,
    suggest: str | Callable[[Call], str | None] | None = None,
    on_exceeded: str | Callable[[BudgetExceededError, Call], Any] = "raise",
    on_warning: Callable[[BudgetStatus], Any] | None = None,
    estimate: Callable[[Call], Any] | None = None,
    cap_output: bool = False,
    ledger: Any = None,
) -> Decorator:
    """Refuse calls for which a budget has no room, before anything is sent.

    All budgets are held together or not at all, in one transaction of the ledger that every process shares.

    Args:
        budgets: limits.
        daily_usd: a limit in dollars a day.
        monthly_usd: a limit in dollars a month.
        daily_tokens: a limit in tokens a day.
        monthly_tokens: a limit in tokens a month.
        run_usd: a limit in dollars for each run (see `scope`).
        per: whose limits the shorthand ones are: `None`, `"user"`, `"model"`, `"function"` or `"tag:<name>"`.
        warn_at: the share at which they warn; by default 0.9 of a month, else 0.8.
        suggest: a cheaper model for near the limit, or a function of the call; it is offered to the stack's router,
            and without one takes the place of the `model` argument.
        on_exceeded: `"raise"`, `"suggest"` (go on with the suggested model if it fits), `"stop"` (as `"raise"`, and
            close a stream that outgrows its budget), or a function `(error, call)` whose response is returned.
        on_warning: told once for each window with the budget's status.
        estimate: a function of the call to its `Usage` or `Money`, in place of frugal's own estimate.
        cap_output: send what was held as the request's own maximum, so that no call can cost more.
        ledger: where spending is counted; the default ledger when `None`.

    Returns:
        A decorator.

    Raises:
        TypeError: no limit is given, or an argument is not what it should be.
        ValueError: a limit or a share is out of its range.

    A decorated function raises `BudgetExceededError` when there is no room, `UnknownPriceError` for a model without a
    price under a dollar limit, and `LedgerUnavailableError` when the ledger does not answer within its patience.

    >>> import asyncio
    >>> from frugal import budgeted
    >>> from frugal.errors import BudgetExceededError
    >>> @budgeted(daily_usd="0.00001")
    ... async def ask(messages, *, model="gpt-4o", max_tokens=500): ...
    >>> try:
    ...     asyncio.run(ask("Hello"))
    ... except BudgetExceededError as error:
    ...     error.unit, str(error.limit)
    ('usd', '$0.00001')
    """
    if budgets and callable(budgets[0]) and not isinstance(budgets[0], Budget):
        raise TypeError("@budgeted needs a limit: @budgeted(daily_usd=50).")
    for budget in budgets:
        if not isinstance(budget, Budget):
            raise TypeError(f"budgeted() takes Budgets, not {budget!r}; give limits by name, daily_usd=50.")
    shorthand = _shorthand(daily_usd, monthly_usd, daily_tokens, monthly_tokens, run_usd)
    every = (*budgets, *(Budget(per=per, warn_at=warn_at, suggest=suggest, **one) for one in shorthand))
    if not every:
        raise TypeError("budgeted() needs a limit: give a Budget, or daily_usd=, monthly_usd=, daily_tokens=, "
                        "monthly_tokens= or run_usd=.")  # fmt: skip
    if not callable(on_exceeded) and on_exceeded not in ON_EXCEEDED:
        raise ValueError(f"on_exceeded={on_exceeded!r}: it is one of {', '.join(ON_EXCEEDED)}, or a function.")
    for name, value in (("on_warning", on_warning), ("estimate", estimate)):
        if value is not None and not callable(value):
            raise TypeError(f"{name}={value!r}: give a function.")
    if suggest is not None:
        every = tuple(_suggesting(budget, suggest) for budget in every)
    said = metering(ledger=ledger)

    def make() -> Budgeted:
        return Budgeted(every, said, on_exceeded, on_warning, estimate, cap_output)

    return decorate(None, make, repr(make()))  # type: ignore[no-any-return]


def _shorthand(daily_usd: Any, monthly_usd: Any, daily_tokens: Any, monthly_tokens: Any, run_usd: Any) -> list[Any]:
    """Return what the limits by name say of their budgets."""
    found: list[dict[str, Any]] = []
    if daily_usd is not None or daily_tokens is not None:
        found.append({"window": "day", "usd": daily_usd, "tokens": daily_tokens})
    if monthly_usd is not None or monthly_tokens is not None:
        found.append({"window": "month", "usd": monthly_usd, "tokens": monthly_tokens})
    if run_usd is not None:
        found.append({"window": "run", "usd": run_usd})
    return found


def _suggesting(budget: Budget, suggest: Any) -> Budget:
    """Give a budget the decorator's suggestion where it has none of its own."""
    if budget.suggest is not None:
        return budget
    return Budget(
        usd=budget.usd, tokens=budget.tokens, window=budget.window, per=budget.per, warn_at=budget.warn_at,
        suggest=suggest, timezone=budget.timezone, name=budget.name,
    )  # fmt: skip
