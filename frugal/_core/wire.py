"""The wire: what an SDK's HTTP client sent while one provider call ran, the retries that nobody else sees included.

Law: whoever asks again, the SDK behind its caller's back or the caller, the same requests cost the same. A request that
was answered costs what its answer says; one that was refused with an error status, or never left, costs nothing; one
that was sent and never answered may have been billed, and is charged as a call that broke off is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from frugal._core.ambient import serving
from frugal._values.clock import clock
from frugal.ports import Body, Reading

if TYPE_CHECKING:
    from frugal._core.call import Call

__all__ = ["OVER", "TIMED_OUT", "Exchange", "Sent", "Wire", "exchange", "never_left"]

TIMED_OUT = frozenset({408, 499})
"""Statuses that say that somebody stopped waiting, not that nothing was made."""

UNDER_WAY, ANSWERED, REFUSED, LOST, UNSENT = "under way", "answered", "refused", "lost", "unsent"

_NOBODY_THERE = frozenset(
    "ConnectError ConnectTimeout PoolTimeout ProxyError UnsupportedProtocol LocalProtocolError InvalidURL "  # httpx
    "ClientConnectorError ClientConnectorDNSError ClientProxyConnectionError ConnectionTimeoutError "  # aiohttp
    "ConnectionRefusedError gaierror".split()
)
"""Errors, by their names, of a connection that never stood."""


def never_left(error: BaseException) -> bool:
    """Say whether an error is that of a request which cannot have reached the provider.

    What an error was raised *from* is asked, for SDKs wrap the transport's own; what it merely followed is not: a
    second attempt may have been made because the first found nobody.
    """
    seen: BaseException | None = error
    for _ in range(6):
        if seen is None:
            return False
        if type(seen).__name__ in _NOBODY_THERE:
            return True
        seen = seen.__cause__
    return False


class Sent:
    """What was asked for in one request: enough of a call to be estimated by."""

    __slots__ = ("arguments", "memo", "model", "started")

    def __init__(self, arguments: Mapping[str, Any], model: str | None, started: float) -> None:
        self.arguments = arguments
        self.model = model
        self.started = started
        self.memo: dict[Any, Any] = {}


class Exchange:
    """One request, and what became of it: under way, then answered, refused, lost or unsent, once.

    Args:
        wire: what it is part of.
        request: decodes what was asked for, when somebody wants to know.
    """

    __slots__ = ("_body", "_request", "_wire", "started", "state", "told")

    def __init__(self, wire: Wire, request: Callable[[], Mapping[str, Any] | None]) -> None:
        self._wire = wire
        self._request = request
        self._body: Body | None = None
        self.told: Reading | None = None
        self.started = clock.now()
        self.state = UNDER_WAY

    async def before(self) -> None:
        """Say that it is about to be sent.

        Raises:
            BudgetExceededError: what was lost before it may have been billed, and a budget has no room for more.
        """
        try:
            await self._wire.covered()
        except BaseException:
            self.state = UNSENT
            raise

    def answered(self, status: int, body: Body | None) -> None:
        """Say with which status it was answered, and where its body can be read."""
        if status < 400:
            self.state, self._body = ANSWERED, body
        else:
            self.state = LOST if status in TIMED_OUT else REFUSED

    def failed(self, error: BaseException) -> None:
        """Say that no answer came, and why."""
        self.state = UNSENT if never_left(error) else LOST

    @property
    def lost(self) -> bool:
        """Whether it was sent and has no answer: it may have been billed."""
        return self.state in {LOST, UNDER_WAY}

    def reading(self) -> Reading | None:
        """Return what its answer says, or what others were told of it; `None` where nothing is known."""
        return self.told if self._body is None else self._body.reading()

    def releases(self, body: Body) -> bool:
        """Let go of a body, if this is its exchange: its end will be told."""
        if self._body is not body:
            return False
        self._body = None
        return True

    def sent(self, model: str | None) -> Sent | None:
        """Return what was asked for, or `None` where it is not to be read."""
        arguments = self._request()
        if not arguments:
            return None
        named = arguments.get("model")
        return Sent(arguments, named if isinstance(named, str) else model, self.started)


class Wire:
    """Keep the exchanges of one run of a function, in the order in which they began."""

    __slots__ = ("_call", "_covered", "exchanges")

    def __init__(self, call: Call) -> None:
        self._call = call
        self._covered = 0
        self.exchanges: list[Exchange] = []

    @property
    def attempts(self) -> int:
        """How many requests left for the provider."""
        return sum(exchange.state != UNSENT for exchange in self.exchanges)

    @property
    def answers(self) -> list[Exchange]:
        """Those that were answered."""
        return [exchange for exchange in self.exchanges if exchange.state == ANSWERED]

    @property
    def losses(self) -> list[Exchange]:
        """Those that may have been billed without an answer."""
        return [exchange for exchange in self.exchanges if exchange.lost]

    def releasing(self, body: Body) -> Exchange | None:
        """Let go of a body that somebody else reads; return its exchange."""
        return next((one for one in self.exchanges if one.releases(body)), None)

    async def covered(self) -> None:
        """See that every budget has room for what was lost so far, and for one more."""
        lost = sum(exchange.state == LOST for exchange in self.exchanges)
        while self._covered < lost:
            for cover in reversed(self._call.covers):
                await cover.again(self._call, self._covered + 1)
            self._covered += 1


OVER: Any = object()
"""Stands for the wire of a run that is over: what is sent by what it left behind is nobody's."""


def exchange(request: Callable[[], Mapping[str, Any] | None]) -> Exchange | None:
    """Note that a request is sent for the call that is served here; `None` where there is no such call."""
    call = serving.get()
    if call is None or call.inner is None:
        return None
    wire = call.inner.wire
    if wire is OVER:
        return None
    if wire is None:
        payer = call
        while payer.plan.meter is None and payer.parent is not None:  # it counts for the call around
            payer = payer.parent
        wire = call.inner.wire = Wire(payer)
    one = Exchange(wire, request)
    wire.exchanges.append(one)
    return one
