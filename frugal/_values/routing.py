"""Routing values: what a router is asked, what it answers, and what it learns from.

Law: these are plain frozen facts. A decision names every candidate with what excluded it, so a choice can be
explained without the router that made it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from decimal import Decimal
from functools import lru_cache
from typing import Any, Protocol

from frugal._values.money import Money, usd
from frugal._values.spelling import spelt
from frugal._values.usage import Usage

__all__ = [
    "BudgetState",
    "Candidate",
    "Cell",
    "Constraints",
    "Decision",
    "FactsOf",
    "Model",
    "Outcome",
    "PriceOf",
    "Request",
]


@dataclass(frozen=True, slots=True, repr=False)
class Model:
    """Name a model, and say what is known of it; `None` is "not known" and excludes nothing.

    Args:
        name: the name that the provider takes.
        context_window: the most tokens it reads and writes together.
        tools: whether it calls tools.
        vision: whether it reads images.
        quality: how good it is in general, 0 to 1; a starting point for routers that learn.

    Raises:
        TypeError: the name is not a string, or another argument is of the wrong type.
        ValueError: the name is empty, the window is not positive, or the quality lies outside 0 to 1.

    >>> Model("small", context_window=8_000, tools=False)
    Model('small', context_window=8000, tools=False)
    """

    name: str
    # Only the name may be given by position.
    context_window: int | None = field(default=None, kw_only=True)
    tools: bool | None = field(default=None, kw_only=True)
    vision: bool | None = field(default=None, kw_only=True)
    quality: float | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise TypeError(f"a model's name is a string, not {self.name!r}; give the provider's name.")
        if not self.name.strip():
            raise ValueError("a model's name is empty; give the provider's name for it.")
        window = self.context_window
        if window is not None and (isinstance(window, bool) or not isinstance(window, int)):
            raise TypeError(f"context_window of {self.name!r} is {window!r}; give whole tokens.")
        if window is not None and window <= 0:
            raise ValueError(f"context_window of {self.name!r} is {window!r}; give more than 0 tokens.")
        for fact in ("tools", "vision"):
            if not isinstance(getattr(self, fact), (bool, type(None))):
                value = getattr(self, fact)
                raise TypeError(f"{fact} of {self.name!r} is {value!r}; give True, False or None.")
        quality = self.quality
        if quality is None:
            return
        if isinstance(quality, bool) or not isinstance(quality, (int, float)):
            raise TypeError(f"quality of {self.name!r} is {quality!r}; give a number from 0 to 1.")
        if not 0 <= quality <= 1:
            raise ValueError(f"quality of {self.name!r} is {quality!r}; give a number from 0 to 1.")

    def __repr__(self) -> str:
        return spelt(
            "Model",
            self.name,
            context_window=self.context_window,
            tools=self.tools,
            vision=self.vision,
            quality=self.quality,
        )

    @classmethod
    def of(cls, model: str | Model) -> Model:
        """Return the model itself, or one of that name of which nothing is known.

        Args:
            model: a name or a model.

        Returns:
            The model.

        Raises:
            TypeError: it is neither.
        """
        if isinstance(model, Model):
            return model
        return _named(model) if type(model) is str else cls(model)

    def filled(self, other: Model) -> Model:
        """Return this model with what it does not know taken from `other`.

        Args:
            other: what is known of it elsewhere.

        Returns:
            A model of the same name.
        """
        known = {f.name: getattr(self, f.name) for f in fields(self)}
        return Model(
            known.pop("name"),
            **{name: getattr(other, name) if value is None else value for name, value in known.items()},
        )


@lru_cache(maxsize=1024)
def _named(name: str) -> Model:
    # A router asks this of each of its models for every call.
    return Model(name)


PriceOf = Callable[[str, Usage], Money | None]
"""Gives what that usage of that model costs; `None` when nobody knows."""

FactsOf = Callable[[str], Model | None]
"""Gives what is known of a model by its name."""


class BudgetState(Protocol):
    """How a budget stands, as far as a router cares."""

    @property
    def suggest(self) -> str | None:
        """The cheaper model to go on with near the limit."""
        ...

    @property
    def warning(self) -> bool:
        """Whether the budget is near its limit."""
        ...

    @property
    def remaining(self) -> Money | None:
        """The dollars left, less what is held; `None` for a budget of tokens."""
        ...

    @property
    def model(self) -> str | None:
        """The only model that it is for; `None` for all."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraints:
    """Say what a model must offer to be chosen.

    Args:
        max_cost_per_request: the most that the request may cost.
        requires_tools: whether it must call tools.
        requires_vision: whether it must read images.
        min_context_length: the least context window, in tokens.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: a bound is negative.

    >>> Constraints.of({"max_cost_per_request": 0.01}).max_cost_per_request
    Money(pico=10000000000)
    """

    max_cost_per_request: Money | None = None
    requires_tools: bool = False
    requires_vision: bool = False
    min_context_length: int | None = None

    def __post_init__(self) -> None:
        cost, window = self.max_cost_per_request, self.min_context_length
        if cost is not None and not isinstance(cost, Money):
            raise TypeError(f"max_cost_per_request is {cost!r}; give Money, or dollars to Constraints.of().")
        if cost is not None and cost.pico < 0:
            raise ValueError(f"max_cost_per_request is {cost}; give 0 dollars or more.")
        for flag in ("requires_tools", "requires_vision"):
            if not isinstance(getattr(self, flag), bool):
                raise TypeError(f"{flag} is {getattr(self, flag)!r}; give True or False.")
        if window is not None and (isinstance(window, bool) or not isinstance(window, int)):
            raise TypeError(f"min_context_length is {window!r}; give whole tokens.")
        if window is not None and window < 0:
            raise ValueError(f"min_context_length is {window!r}; give 0 tokens or more.")

    @classmethod
    def of(cls, given: Mapping[str, Any] | None) -> Constraints:
        """Make constraints from the mapping that a user gives; dollars may be a number, a string or `Money`.

        Raises:
            TypeError: it is not a mapping, has a name that no constraint has, or a value of the wrong type.
            ValueError: a bound is negative or not a number.
        """
        if given is None:
            return cls()
        if not isinstance(given, Mapping):
            raise TypeError(f"constraints is {given!r}; give a mapping, or a function that returns one.")
        names = [f.name for f in fields(cls)]
        unknown = [name for name in given if name not in names]
        if unknown:
            raise TypeError(f"constraints has {unknown[0]!r}; the names are {', '.join(names)}.")
        values = {name: value for name, value in given.items() if value is not None}
        cost = values.get("max_cost_per_request")
        if isinstance(cost, (str, int, float, Decimal)):
            values["max_cost_per_request"] = usd(cost)
        return cls(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Hold what a router sees of a call.

    Args:
        text: the last user turn.
        messages: the whole conversation, as the caller gave it.
        turns: how many user turns the conversation has.
        tools: the tools that the caller offers.
        images: the images in the request.
        input_tokens: the estimated input, in tokens; `None` when nobody estimated it.
        input_bound: a sound upper bound of it, in tokens (UTF-8 bytes and framing); `None` to bound `text`.
        output_tokens: the expected or allowed output, in tokens; `None` for the usual 500.
        user: for whom, or `None`.
        tags: the labels of the call.
        budgets: how the stack's budgets stand.
        session: the conversation's id, where one is known.
        previous_model: the model that answered the conversation's last turn.
        cached_tokens: input tokens that this model's provider can read from its prompt cache.
        constraints: what the chosen model must offer.
        default: the model to fall back to when nothing is eligible.
        now: the time, in Unix seconds.
        price_of: what a usage of a model costs.
        facts_of: what is known of a model.

    >>> Request(text="hello").turns
    1
    """

    text: str = ""
    messages: Sequence[Any] = ()
    turns: int = 1
    tools: Sequence[Any] = ()
    images: Sequence[Any] = ()
    input_tokens: int | None = None
    input_bound: int | None = None
    output_tokens: int | None = None
    user: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    budgets: Sequence[BudgetState] = ()
    session: str | None = None
    previous_model: str | None = None
    cached_tokens: int = 0
    constraints: Constraints = field(default_factory=Constraints)
    default: str | None = None
    now: float = 0.0
    price_of: PriceOf | None = field(default=None, repr=False, compare=False)
    facts_of: FactsOf | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Candidate:
    """Say how one model stood in a decision.

    Args:
        model: its name.
        excluded: why it could not be chosen; `None` when it could.
        cost: what the request would cost with it; `None` when unknown or not asked.
        score: what the router thought of it; higher is better.
        unknown: the facts that a constraint asked for and nobody knows.
    """

    model: str
    excluded: str | None = None
    cost: Money | None = None
    score: float | None = None
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cell:
    """Name the place where an adaptive router keeps what it learns from a call."""

    task: str
    model: str


@dataclass(frozen=True, slots=True)
class Decision:
    """Hold what a router chose, and why.

    Args:
        model: the chosen model.
        reason: why, in one line.
        candidates: every model that was considered, with what excluded it.
        then: the models to go on to, in order, while `accept` refuses the answer.
        accept: says whether an answer will do; sync or async; `None` takes the first answer.
        accepts_text: whether `accept` takes the answer's text instead of the response.
        cell: where an adaptive router wants the outcome of this call.

    >>> Decision("gpt-4o-mini", "simple")
    Decision(model='gpt-4o-mini', reason='simple', candidates=(), then=(), accept=None, \
accepts_text=False, cell=None)
    """

    model: str
    reason: str
    candidates: tuple[Candidate, ...] = ()
    then: tuple[str, ...] = ()
    accept: Callable[[Any], Any] | None = None
    accepts_text: bool = False
    cell: Cell | None = None

    @property
    def scores(self) -> dict[str, float]:
        """The scores of the candidates that have one."""
        return {c.model: c.score for c in self.candidates if c.score is not None}

    @property
    def excluded(self) -> dict[str, str]:
        """What excluded each candidate that was excluded."""
        return {c.model: c.excluded for c in self.candidates if c.excluded is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Say how a routed call turned out; what is not known is `None`.

    Args:
        cell: the cell of the decision.
        success: whether it did what it should.
        satisfaction: how content the user was, 0 to 1.
        latency: how long it took, in seconds.
        cost: what it cost.
        more: whether the call was judged before, so that this only adds to what is known of it.

    Raises:
        ValueError: the satisfaction lies outside 0 to 1, or the latency is negative or not finite.
    """

    cell: Cell
    success: bool | None = None
    satisfaction: float | None = None
    latency: float | None = None
    cost: Money | None = None
    more: bool = False

    def __post_init__(self) -> None:
        if self.satisfaction is not None and not 0 <= self.satisfaction <= 1:
            raise ValueError(f"satisfaction is {self.satisfaction!r}; give a number from 0 to 1.")
        if self.latency is not None and not 0 <= self.latency < float("inf"):
            raise ValueError(f"latency is {self.latency!r}; give seconds, 0 or more.")
