"""Usage: the tokens of a call, in disjoint buckets.

Law: no token stands in two buckets, so a cost is a plain sum of bucket times rate. Providers' inclusive and
exclusive conventions end at the usage readers; here is only the result.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import add, attrgetter

from frugal.errors import InvalidUsageError

__all__ = ["BUCKETS", "INPUT_BUCKETS", "NO_USAGE", "OUTPUT_BUCKETS", "Usage", "counted"]

INPUT_BUCKETS = (
    "input_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "input_audio_tokens",
    "input_image_tokens",
)
"""The buckets of what was sent; `input_tokens` is the uncached text."""

OUTPUT_BUCKETS = ("output_tokens", "reasoning_tokens", "output_audio_tokens")
"""The buckets of what came back; `output_tokens` is the visible text."""

BUCKETS = INPUT_BUCKETS + OUTPUT_BUCKETS
"""All buckets, in the order in which they are stored."""

_ABSURD = 10**12
"""More tokens than any request has; a provider's count beyond it is a fault, not a bill."""

_new = object.__new__
_counts = attrgetter(*BUCKETS)
_WHOLE = {int}


@dataclass(frozen=True, slots=True)
class Usage:
    """Count the tokens of a call in disjoint buckets.

    Args:
        input_tokens: uncached text input, in tokens.
        cache_read_tokens: input read from the provider's prompt cache, in tokens.
        cache_write_5m_tokens: input written to that cache for five minutes, in tokens.
        cache_write_1h_tokens: input written to it for an hour, in tokens.
        input_audio_tokens: audio input, in tokens.
        input_image_tokens: image input that the provider counts apart, in tokens.
        output_tokens: visible text output, in tokens.
        reasoning_tokens: hidden reasoning, in tokens.
        output_audio_tokens: audio output, in tokens.

    Raises:
        InvalidUsageError: a count is negative, not an `int`, or above 10¹².

    >>> (Usage(input_tokens=100, cache_read_tokens=20) + Usage(output_tokens=7)).total_tokens
    127
    """

    input_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0
    input_audio_tokens: int = 0
    input_image_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    output_audio_tokens: int = 0

    def __post_init__(self) -> None:
        counts = _counts(self)
        if set(map(type, counts)) == _WHOLE and min(counts) >= 0 and max(counts) <= _ABSURD:
            return
        for name, value in zip(BUCKETS, counts, strict=True):
            if type(value) is not int:
                raise InvalidUsageError(name, value, "it is not a whole number")
            if value < 0:
                raise InvalidUsageError(name, value, "it is negative")
            if value > _ABSURD:
                raise InvalidUsageError(name, value, "it is absurdly large")

    @property
    def total_input_tokens(self) -> int:
        """Everything that was sent, cached or not."""
        return (
            self.input_tokens
            + self.cache_read_tokens
            + self.cache_write_5m_tokens
            + self.cache_write_1h_tokens
            + self.input_audio_tokens
            + self.input_image_tokens
        )

    @property
    def total_output_tokens(self) -> int:
        """Everything that came back, reasoning included."""
        return self.output_tokens + self.reasoning_tokens + self.output_audio_tokens

    @property
    def total_tokens(self) -> int:
        """Input and output together."""
        return sum(_counts(self))

    def __add__(self, other: Usage | int) -> Usage:
        if isinstance(other, Usage):
            return Usage.unbounded(map(add, _counts(self), _counts(other)))
        return self if other == 0 else NotImplemented  # sum() starts at 0

    __radd__ = __add__

    def __iter__(self) -> Iterator[int]:
        """Yield the counts in the order of `BUCKETS`."""
        return iter(_counts(self))

    def __bool__(self) -> bool:
        return any(_counts(self))

    @classmethod
    def of(cls, counts: Iterator[int] | tuple[int, ...] | list[int]) -> Usage:
        """Make a usage from counts in the order of `BUCKETS`.

        Args:
            counts: one for each bucket.

        Returns:
            The usage.

        Raises:
            InvalidUsageError: a count is negative, not an `int`, or above 10¹².
        """
        return cls(*counts)

    @classmethod
    def unbounded(cls, counts: Iterable[int]) -> Usage:
        """Make the sum of many usages: what is absurd of one request is not of a year of them.

        Args:
            counts: one for each bucket, in the order of `BUCKETS`; they are not checked.

        Returns:
            The usage.
        """
        total = _new(cls)
        for fill, count in zip(_FILLS, counts, strict=True):
            fill(total, count)
        return total


_FILLS = tuple(Usage.__dict__[name].__set__ for name in BUCKETS)
"""Fill a bucket of a usage that is being made; `object.__setattr__` looks each up by its name."""

_input, _cache_read, _output = (_FILLS[BUCKETS.index(name)]
                                for name in ("input_tokens", "cache_read_tokens", "output_tokens"))  # fmt: skip
_OTHERS = tuple(fill for fill in _FILLS if fill not in {_input, _cache_read, _output})


def counted(input_tokens: int, output_tokens: int, cache_read_tokens: int = 0) -> Usage:
    """Make the usage of a text request, as the constructor does, in a third of its time.

    Args:
        input_tokens: uncached text input, in tokens.
        output_tokens: visible text output, in tokens.
        cache_read_tokens: input read from the provider's prompt cache, in tokens.

    Returns:
        The usage.

    Raises:
        InvalidUsageError: a count is negative, not an `int`, or above 10¹².
    """
    if not (
        type(input_tokens) is type(output_tokens) is type(cache_read_tokens) is int
        and 0 <= input_tokens <= _ABSURD
        and 0 <= output_tokens <= _ABSURD
        and 0 <= cache_read_tokens <= _ABSURD
    ):
        return Usage(input_tokens, cache_read_tokens, output_tokens=output_tokens)  # which says what is wrong
    usage = _new(Usage)
    for fill in _OTHERS:
        fill(usage, 0)
    _input(usage, input_tokens)
    _cache_read(usage, cache_read_tokens)
    _output(usage, output_tokens)
    return usage


NO_USAGE = Usage()
"""No tokens at all."""
