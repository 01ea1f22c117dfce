"""Ports: what a plug-in has to offer, one to four methods each.

Law: whatever satisfies a port here can stand in the place of ours; nothing inside asks for more. The contract
tests of `frugal.testing` say in code what each method promises.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

from frugal._values.cost import Cost
from frugal._values.money import Money
from frugal._values.record import Record
from frugal._values.usage import Usage

__all__ = [
    "Body",
    "Claim",
    "Clock",
    "Codec",
    "Embedder",
    "Exchange",
    "Grant",
    "Index",
    "LedgerStore",
    "Prices",
    "Reading",
    "RequestReader",
    "Router",
    "Settlement",
    "Store",
    "Stored",
    "StreamReader",
    "Telemetry",
    "Ticket",
    "UsageReader",
]


class Clock(Protocol):
    """Tells the time and waits."""

    def now(self) -> float:
        """Return Unix seconds."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after that many seconds."""
        ...


# --------------------------------------------------------------------------- usage and prices


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a usage reader found in a response.

    Args:
        usage: the tokens, or `None` when the response carries none.
        model: the model that served, as the provider names it.
        provider: who served it, by the name that prices know.
        stated: the dollars that the provider itself states.
        tier: the service tier that was served (`"flex"`, `"priority"`, `"batch"`, …).
        finish: why the answer ended, as the provider says it (`"stop"`, `"length"`, `"tool_use"`, …).
        complete: false for an answer cut short, filtered or refused.
        problem: what was wrong with the figures, for a marked record; `""` when nothing was.
        text_bytes: length of the answer's text in UTF-8 bytes, for estimates; `None` when unknown.
        partial: whether the usage is only what was counted before the end, so that there is more.
    """

    usage: Usage | None = None
    model: str | None = None
    provider: str | None = None
    stated: Money | None = None
    tier: str | None = None
    finish: str | None = None
    complete: bool = True
    problem: str = ""
    text_bytes: int | None = None
    partial: bool = False


class StreamReader(Protocol):
    """Reads the usage of one stream as its chunks pass."""

    def feed(self, chunk: Any) -> None:
        """Take the next chunk, as the caller sees it."""
        ...

    def reading(self) -> Reading | None:
        """Return what is known so far; `None` when nothing was recognised."""
        ...


class UsageReader(Protocol):
    """Reads usage and model from a response by its shape."""

    def read(self, response: Any) -> Reading | None:
        """Return what the response says; `None` when the shape is not known."""
        ...

    def stream(self) -> StreamReader:
        """Return a fresh reader for one stream."""
        ...


class Body(Protocol):
    """The body of an HTTP response, seen as it passes by whoever reads it."""

    def reading(self) -> Reading | None:
        """Return what it has said so far; `None` when nothing was recognised."""
        ...

    def then(self, ended: Callable[[str, BaseException | None, Reading | None], Ticket | None]) -> bool:
        """Have `ended` told, once, how the body ends and what it said; false if it has ended.

        How is said in the words of a stream's end: `"end"`, `"closed"`, `"cancelled"`, `"failed"` or `"dropped"`.
        """
        ...


class Exchange(Protocol):
    """One request on the wire, told by whoever sends it."""

    async def before(self) -> None:
        """Say that it is about to be sent; raises `BudgetExceededError` where it is one too many."""
        ...

    def answered(self, status: int, body: Body | None) -> None:
        """Say with which status it was answered, and where its body can be read."""
        ...

    def failed(self, error: BaseException) -> None:
        """Say that no answer came, and why."""
        ...


class Prices(Protocol):
    """Prices usage."""

    @property
    def id(self) -> str:
        """Which prices these are, for the record."""
        ...

    def cost(
        self, model: str, usage: Usage, *, at: float, provider: str | None = None, tier: str | None = None
    ) -> Cost:
        """Return the cost of that usage at that instant (Unix seconds); unpriced for an unknown model."""
        ...


# --------------------------------------------------------------------------- stores


@dataclass(frozen=True, slots=True)
class Stored:
    """A value found in a store.

    Args:
        value: what was set; bytes for a durable store.
        expires: when it ends, in Unix seconds; `None` for never.
    """

    value: Any
    expires: float | None


class Store(Protocol):
    """Keeps values by key; any of them may be lost, none may come back as another."""

    def get(self, key: str) -> Stored | None:
        """Return the value, or `None` when it is not there or has expired."""
        ...

    def set(self, key: str, value: Any, expires: float | None, tag: str | None = None) -> None:
        """Keep a value until `expires` (Unix seconds); `tag` finds it again for `clear`.

        A tag is one label or several, one a line.
        """
        ...

    def delete(self, key: str) -> bool:
        """Drop one value; return whether it was there."""
        ...

    def clear(self, tag: str | None = None) -> int:
        """Drop all values, or those with all the labels of that tag; return how many."""
        ...


class Codec(Protocol):
    """Turns values into bytes and back, without ever running code named in the bytes."""

    def dumps(self, value: Any) -> bytes:
        """Encode; raises `UnencodableValueError`."""
        ...

    def loads(self, data: bytes) -> Any:
        """Decode what `dumps` made; raises `StoreCorruptedError` for anything else."""
        ...


class Index(Protocol):
    """Finds the nearest vectors by cosine."""

    def add(self, id: int, vector: Any) -> None:
        """Keep a vector under an id; replaces what the id had."""
        ...

    def search(self, vector: Any, k: int) -> list[tuple[int, float]]:
        """Return up to `k` ids with their similarity, nearest first."""
        ...

    def remove(self, id: int) -> None:
        """Drop an id; nothing happens when it is not there."""
        ...

    def __len__(self) -> int: ...


class Embedder(Protocol):
    """Turns texts into vectors."""

    @property
    def identity(self) -> str:
        """Name, version and width; vectors of two identities are never compared."""
        ...

    async def embed(self, texts: Sequence[str]) -> Any:
        """Return one vector for each text, as rows of a float32 array; raises `EmbeddingError`."""
        ...


@runtime_checkable
class Router(Protocol):
    """Chooses a model for a request."""

    def __call__(self, request: Any, /) -> Any:
        """Return a model or `(model, reason)`; may be async."""
        ...


# --------------------------------------------------------------------------- the ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What one budget is asked to hold for a call.

    Args:
        name: the budget's name, for messages.
        window: `"hour"`, `"day"`, `"week"`, `"month"` or `"run"`.
        timezone: the zone of the window's borders.
        per: whose budget (`None`, `"user"`, `"model"`, `"function"`, `"tag:<name>"`).
        subject: which of them (`""` for everyone); for a run budget, `run` is the window.
        run: the run, for a run budget.
        limit_pico: the limit in pico-dollars, or `None`.
        limit_tokens: the limit in tokens, or `None`.
        warn_at: the share of the limit at which to warn.
        suggest: the name of a cheaper model, for reports; `None` when a function decides.
    """

    name: str
    window: str
    timezone: str
    per: str | None
    subject: str
    run: str | None
    limit_pico: int | None
    limit_tokens: int | None
    warn_at: float
    suggest: str | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """A hold that was granted in every budget that was claimed.

    Args:
        id: the hold's id.
        pico: how much money it holds in each, in pico-dollars.
        tokens: how many tokens.
        booked: the instant whose windows it was taken in, in Unix seconds.
        statuses: the state of each claimed budget with this hold inside, in the order of the claims.
    """

    id: str
    pico: int
    tokens: int
    booked: float
    statuses: tuple[Any, ...] = ()


class Settlement(NamedTuple):
    """What one call commits, together or not at all.

    Attributes:
        records: its records, in order; those that belong to a hold have `booked` set to its instant.
        releases: the ids of the holds that end with it.
        charges: for each record's id, the id of the hold that it was spent under, where there is one.
        free: whether it is known, without a look at the records, that they cost nothing and that no hold ends: nobody
            waits for it then, and the records may be made as late as they are first looked at.
    """

    records: Sequence[Record]
    releases: tuple[str, ...] = ()
    charges: Mapping[str, str] | None = None
    free: bool = False


class Ticket(Protocol):
    """The way to know that a settlement is durable."""

    @property
    def done(self) -> bool:
        """Whether it is durable already."""
        ...

    async def wait(self) -> bool:
        """Return true once durable, false when the ledger's patience ran out (it is still queued)."""
        ...


class LedgerStore(Protocol):
    """Keeps money: the seam where a shared engine can take the place of the local directory."""

    def commit(self, settlement: Settlement) -> Ticket:
        """Queue a settlement from any thread, without waiting for a disk."""
        ...

    async def reserve(
        self, claims: Sequence[Claim], *, pico: int, tokens: int, draft: Record, adopt: str | None = None
    ) -> Grant:
        """Hold `pico` and `tokens` in every claimed budget, or raise and hold in none.

        `draft` is the record to presume if the owner dies. `adopt` is a hold of this same call to replace.

        Raises:
            BudgetExceededError: a budget has no room.
            LedgerUnavailableError: the ledger did not answer within its patience.
        """
        ...

    async def grow(self, hold: str, *, pico: int, tokens: int) -> bool:
        """Raise a hold to these totals in every budget it stands in; false when one has no room."""
        ...

    async def typical_output(self, function: str, model: str | None, quantile: float) -> int | None:
        """Return that quantile of the output tokens seen for this function and model; `None` without history."""
        ...


# --------------------------------------------------------------------------- requests and telemetry


class RequestReader(Protocol):
    """Reads what a request asks for from its arguments, by their names and shapes, without a tokeniser."""

    def model(self, arguments: Mapping[str, Any]) -> str | None:
        """Return the model asked for under any provider's spelling."""
        ...

    def input_tokens(self, arguments: Mapping[str, Any]) -> tuple[int, int]:
        """Return the typical count of input tokens, and one that is never too low."""
        ...

    def output_limit(self, arguments: Mapping[str, Any]) -> int | None:
        """Return the output tokens that the request allows over all its choices; `None` without a limit."""
        ...

    def tier(self, arguments: Mapping[str, Any]) -> str | None:
        """Return the service tier asked for."""
        ...

    def status(self, error: BaseException) -> int | None:
        """Return the HTTP status that an error stands for."""
        ...


class Telemetry(Protocol):
    """Shows calls to whoever watches; a fault in it never reaches the call."""

    def begin_call(self, function: str, facts: Any, parent: Any) -> Any:
        """Return the span of a decorated call, or `None` when nobody watches."""
        ...

    def begin_attempt(self, span: Any, function: str, model: str | None) -> Any:
        """Return the span of one provider call, current while the function runs."""
        ...

    def leave_attempt(self, attempt: Any) -> None:
        """Stop being current: the function has returned, though its stream may go on."""
        ...

    def end_attempt(self, attempt: Any, spent: Any) -> None:
        """End a provider call's span with its usage and cost (a `Spent`)."""
        ...

    def end_call(self, span: Any, records: Sequence[Record], journal: Any, error: BaseException | None) -> None:
        """End a decorated call's span with its records."""
        ...

    def event(self, span: Any, name: str, attributes: Mapping[str, Any]) -> None:
        """Note something that happened on the way."""
        ...
