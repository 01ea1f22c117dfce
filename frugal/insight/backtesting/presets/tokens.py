"""Tokens: from the counts of a log to disjoint buckets.

Law: a log's own way of counting ends here. Counts that contradict each other raise, and never become a usage.
"""

from __future__ import annotations

from frugal._values.usage import Usage
from frugal.errors import InvalidUsageError

__all__ = ["Counts"]


class Counts:
    """What a log counts of one request.

    Args:
        sent: input tokens.
        made: output tokens.
        read: those read from the provider's cache.
        written: those written to it.
        reasoning: hidden output tokens.
        audio_sent: audio input.
        image_sent: image input that is counted apart.
        audio_made: audio output.

    >>> Counts(100, 20, read=60).inclusive()
    Usage(input_tokens=40, cache_read_tokens=60, cache_write_5m_tokens=0, cache_write_1h_tokens=0, \
input_audio_tokens=0, input_image_tokens=0, output_tokens=20, reasoning_tokens=0, output_audio_tokens=0)
    """

    __slots__ = ("_made", "_parts_made", "_parts_sent", "_sent")

    def __init__(
        self,
        sent: int | None,
        made: int | None,
        *,
        read: int | None = None,
        written: int | None = None,
        reasoning: int | None = None,
        audio_sent: int | None = None,
        image_sent: int | None = None,
        audio_made: int | None = None,
    ) -> None:
        self._sent, self._made = sent or 0, made or 0
        self._parts_sent = read or 0, written or 0, audio_sent or 0, image_sent or 0
        self._parts_made = reasoning or 0, audio_made or 0

    def inclusive(self) -> Usage:
        """Return the usage where the parts stand inside `sent` and `made`.

        Raises:
            ValueError: the parts are more than the whole.
        """
        inside, hidden = sum(self._parts_sent), sum(self._parts_made)
        if inside > self._sent:
            raise ValueError(
                f"{inside:,} input tokens were read from a cache, written to it or counted apart, and only "
                f"{self._sent:,} were sent in all"
            )
        if hidden > self._made:
            raise ValueError(
                f"{hidden:,} output tokens are reasoning or audio, and there are only {self._made:,} in all"
            )
        return self._usage(self._sent - inside, self._made - hidden)

    def disjoint(self) -> Usage:
        """Return the usage where the parts stand beside `sent` and `made`.

        Raises:
            ValueError: a count is absurd.
        """
        return self._usage(self._sent, self._made)

    def _usage(self, sent: int, made: int) -> Usage:
        read, written, audio_sent, image_sent = self._parts_sent
        reasoning, audio_made = self._parts_made
        try:
            return Usage(sent, read, written, 0, audio_sent, image_sent, made, reasoning, audio_made)
        except InvalidUsageError as error:
            raise ValueError(str(error)) from None
