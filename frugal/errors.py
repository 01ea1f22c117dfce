"""Every error of frugal, in one tree: what happened, to what, and what to do next.

    FrugalError
    ├── BudgetExceededError
    ├── LedgerUnavailableError
    ├── LedgerFormatError (ValueError)
    ├── StoreCorruptedError
    ├── UnknownPriceError (LookupError)
    ├── InvalidPriceError (ValueError)
    ├── InvalidUsageError (ValueError)
    ├── UnkeyableCallError (TypeError)
    ├── UnencodableValueError (TypeError)
    ├── NotAsyncError (TypeError)
    ├── StackError (TypeError)
    ├── BatchSizeMismatchError
    ├── RequestTooLargeError (ValueError)
    ├── EmbeddingError
    ├── NoEligibleModelError
    └── MissingExtraError (ImportError)

Law: an error carries its data as attributes, survives pickling and copying with them, and its message ends
with the next step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from frugal._values.money import Money

__all__ = [
    "BatchSizeMismatchError",
    "BudgetExceededError",
    "EmbeddingError",
    "FrugalError",
    "InvalidPriceError",
    "InvalidUsageError",
    "LedgerFormatError",
    "LedgerUnavailableError",
    "MissingExtraError",
    "NoEligibleModelError",
    "NotAsyncError",
    "OrderWarning",
    "RequestTooLargeError",
    "StackError",
    "StoreCorruptedError",
    "UnencodableValueError",
    "UnkeyableCallError",
    "UnknownPriceError",
]


def _revive(cls: type[FrugalError], args: tuple[Any, ...], data: dict[str, Any]) -> FrugalError:
    """Rebuild an error without its constructor, whose arguments are not ``args``."""
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(data)
    return error


class FrugalError(Exception):
    """The root of everything that frugal raises on purpose."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _revive, (type(self), self.args, dict(self.__dict__))


class BudgetExceededError(FrugalError):
    """A budget refused a call, because what is spent and held leaves no room for it.

    Attributes:
        budget: the budget's name.
        unit: `"usd"` or `"tokens"`: which of its limits.
        limit: the limit, in that unit.
        spent: what was spent in the window.
        held: what calls under way hold.
        requested: what this call asked for.
        resets_at: when the window ends, aware; `None` for a run's budget.
        subject: whose budget it is (a user, a model, …); `""` for everyone's.
        function: the decorated function that was refused.
    """

    def __init__(
        self,
        *,
        budget: str,
        unit: str,
        limit: Money | int,
        spent: Money | int,
        held: Money | int,
        requested: Money | int,
        resets_at: datetime | None,
        subject: str = "",
        function: str = "",
    ) -> None:
        self.budget = budget
        self.unit = unit
        self.limit = limit
        self.spent = spent
        self.held = held
        self.requested = requested
        self.resets_at = resets_at
        self.subject = subject
        self.function = function
        of = f" of {subject}" if subject else ""
        until = f" It resets at {resets_at.isoformat()}." if resets_at else " It is for this run only."
        word = " tokens" if unit == "tokens" else ""
        super().__init__(
            f"budget {budget!r}{of} refused {function or 'a call'}: spent {spent}{word} and held {held}{word} "
            f"of {limit}{word}, the call asks for {requested}{word}.{until} "
            "Wait for that, raise the limit, ask for less output, or choose a cheaper model "
            "(on_exceeded='suggest')."
        )


class LedgerUnavailableError(FrugalError):
    """The ledger could not be read or written in time, so a budget refused the call.

    Attributes:
        directory: the ledger's directory.
        reason: what stood in the way.
    """

    def __init__(self, directory: str, reason: str) -> None:
        self.directory = directory
        self.reason = reason
        super().__init__(
            f"the ledger at {directory!r} is unavailable: {reason}. "
            "Free the disk or the lock, or give Ledger(patience=) more seconds."
        )


class LedgerFormatError(FrugalError, ValueError):
    """A directory is not a ledger of ours, or is from a newer version.

    Attributes:
        directory: the directory.
        reason: what it is instead.
        remedy: what to do next.
    """

    def __init__(self, directory: str, reason: str, remedy: str) -> None:
        self.directory = directory
        self.reason = reason
        self.remedy = remedy
        super().__init__(f"{directory!r} cannot be opened as a frugal directory: {reason}. {remedy}")


class StoreCorruptedError(FrugalError):
    """A stored row is not what we wrote; it was neither trusted nor executed.

    Attributes:
        directory: where the row is.
        key: the row.
        reason: what is wrong with it.
    """

    def __init__(self, directory: str, key: str, reason: str) -> None:
        self.directory = directory
        self.key = key
        self.reason = reason
        super().__init__(
            f"row {key!r} in {directory!r} is corrupt: {reason}. Nothing of it was executed. "
            "Restore the directory from a backup, or move it away and start a new one."
        )


class UnknownPriceError(FrugalError, LookupError):
    """No price is known for a model.

    Attributes:
        model: the model that was asked for.
        near: known names that are most like it, the likeliest first.
    """

    def __init__(self, model: str, near: Sequence[str] = ()) -> None:
        self.model = model
        self.near = tuple(near)
        meant = f" Did you mean {', '.join(map(repr, self.near))}?" if self.near else ""
        super().__init__(
            f"no price is known for model {model!r}.{meant} "
            f"Give one: PriceTable({{{model!r}: ModelPrice(input=..., output=...)}})."
        )

    def __str__(self) -> str:
        return str(self.args[0])


class InvalidPriceError(FrugalError, ValueError):
    """A price is negative, not finite, or not a number.

    Attributes:
        what: which price.
        value: what was given.
    """

    def __init__(self, what: str, value: object) -> None:
        self.what = what
        self.value = value
        super().__init__(
            f"{what} is {value!r}: a price is a finite number of dollars, 0 or more. "
            "Give it as a string or a Decimal, such as '0.15'."
        )


class InvalidUsageError(FrugalError, ValueError):
    """A token count is negative, not whole, absurd, or contradicts another.

    Attributes:
        what: which count.
        value: what was given.
        reason: what is wrong with it.
        remedy: what to give instead.
    """

    def __init__(
        self, what: str, value: object, reason: str, remedy: str = "Give whole token counts of 0 or more."
    ) -> None:
        self.what = what
        self.value = value
        self.reason = reason
        self.remedy = remedy
        super().__init__(f"{what} is {value!r}: {reason}. {remedy}")


class UnkeyableCallError(FrugalError, TypeError):
    """An argument has no canonical form, so the call has no key.

    Attributes:
        function: the decorated function.
        argument: the argument, with the way to the part that is meant (`messages[0].content`).
        type_name: of what type that is.
    """

    def __init__(self, function: str, argument: str, type_name: str) -> None:
        self.function = function
        self.argument = argument
        self.type_name = type_name
        name = argument.partition(".")[0].partition("[")[0]
        super().__init__(
            f"{function}() cannot be keyed: argument {argument} is a {type_name}, which has no canonical form. "
            f"Leave it out with ignore=({name!r},), or give key= a function."
        )


class UnencodableValueError(FrugalError, TypeError):
    """A value has no encoding in the codec's allow-list.

    Attributes:
        type_name: of what type the value is.
        where: the way to it inside the answer; `""` for the answer itself.
    """

    def __init__(self, type_name: str, where: str = "") -> None:
        self.type_name = type_name
        self.where = where
        at = f" at {where}" if where else ""
        super().__init__(
            f"a {type_name}{at} cannot be stored: it is not in the codec's allow-list. "
            "Return JSON values, a dataclass, a pydantic model or an SDK response, or give codec=."
        )


class NotAsyncError(FrugalError, TypeError):
    """A function that is not async was decorated.

    Attributes:
        function: what was decorated.
        fix: what to do about it.
    """

    def __init__(self, function: str, fix: str = "Make it `async def`, or call it through asyncio.to_thread.") -> None:
        self.function = function
        self.fix = fix
        super().__init__(
            f"{function} is not async: frugal decorates `async def` functions, async generators, and coroutines "
            f"that return a stream. {fix}"
        )


class StackError(FrugalError, TypeError):
    """The decorators of one stack contradict each other."""


class BatchSizeMismatchError(FrugalError):
    """A batch handler returned another number of results than it was given items.

    Attributes:
        function: the batched function.
        expected: how many items it was given.
        received: how many results it returned.
    """

    def __init__(self, function: str, expected: int, received: int) -> None:
        self.function = function
        self.expected = expected
        self.received = received
        super().__init__(
            f"{function}() was given {expected} items and returned {received} results. "
            "Return one result for each item, in the order of the items."
        )


class RequestTooLargeError(FrugalError, ValueError):
    """One request asks for more than a rate limit allows in a whole minute.

    Attributes:
        function: the decorated function.
        requested: the tokens that the request asks for.
        limit: the tokens a minute that are allowed.
    """

    def __init__(self, function: str, requested: int, limit: int) -> None:
        self.function = function
        self.requested = requested
        self.limit = limit
        who = f"{function}()" if function else "a call"
        super().__init__(
            f"{who} asks for {requested} tokens, more than the limit of {limit} a minute "
            "will ever allow. Shorten the request, lower its max_tokens, or raise tpm=."
        )


class EmbeddingError(FrugalError):
    """An embedder failed or gave vectors that cannot be used.

    Attributes:
        embedder: which embedder.
        reason: what went wrong.
    """

    def __init__(self, embedder: str, reason: str) -> None:
        self.embedder = embedder
        self.reason = reason
        super().__init__(f"embedder {embedder} gave no usable vectors: {reason}. Check embed=.")


class NoEligibleModelError(FrugalError):
    """Every candidate of a router was excluded.

    Attributes:
        excluded: what excluded each model, by its name.
    """

    def __init__(self, excluded: Mapping[str, str]) -> None:
        self.excluded = dict(excluded)
        why = "; ".join(f"{model}: {reason}" for model, reason in self.excluded.items()) or "no candidates"
        super().__init__(f"no model is eligible ({why}). Give default=, or relax constraints=.")


class MissingExtraError(FrugalError, ImportError):
    """An optional dependency is not installed.

    Attributes:
        what: what needs it.
        extra: the name in `frugal[…]`.
    """

    def __init__(self, what: str, extra: str) -> None:
        self.what = what
        self.extra = extra
        super().__init__(f"{what} needs an optional package. Install it: pip install 'frugal[{extra}]'.")


class OrderWarning(UserWarning):
    """An order of decorators loses something; the message says what and how to mend it."""
