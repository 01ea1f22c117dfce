"""Catalogue: from a model's name, and who served it, to its listing.

Law: a name finds a listing or nothing. Who served is heeded: a model that a host does not list is not
priced at another host's rate.
"""

from __future__ import annotations

import difflib
import re
import threading
from collections.abc import Iterator

from frugal.prices import shipped, table
from frugal.prices.listing import Listing
from frugal.prices.names import ALIASES, LONGEST, hosted, spellings

__all__ = ["Catalogue", "catalogue"]

_MAKERS = (
    "openai",
    "anthropic",
    "google",
    "mistral",
    "cohere",
    "deepseek",
    "x-ai",
    "voyageai",
    "perplexity",
    "moonshotai",
    "minimax",
    "zai",
    "zhipuai",
    "meta",
    "groq",
)
"""Who is meant by a bare name: those who make the models, and groq, whose names are its own."""

_REMEMBERED = 8192


class _Unseen:
    """Stand for a name that was not asked yet; `None` is the answer that nothing is listed."""


_UNSEEN = _Unseen()

_MODEL = re.compile(r"[^\s\x00-\x1f]+")


class Catalogue:
    """Find listings by name.

    Args:
        data: the shipped data; read at the first question when not given.
    """

    def __init__(self, data: shipped.Shipped | None = None) -> None:
        self._data = data
        self._imported = False
        self._reading = threading.Lock()
        self._found: dict[tuple[str, str | None], Listing | _Unseen | None] = {}

    @property
    def data(self) -> shipped.Shipped:
        """The shipped data."""
        if self._data is None:
            with self._reading:
                if self._data is None:
                    self._data = shipped.load()
        return self._data

    def known(self, name: str) -> str | None:
        """Return a provider's id by one of its names."""
        name = name.strip().lower()
        if not _MODEL.fullmatch(name) or len(name) > LONGEST:
            return None
        if name in ALIASES:
            return ALIASES[name]
        host = self.data.host_named(name)
        return host.id if host else None

    def candidates(self, model: str, provider: str | None) -> Iterator[tuple[str | None, str]]:
        """Yield host and name, the most literal first; nothing for what cannot be a model's name."""
        model = model.strip().lower()
        if len(model) > LONGEST or not _MODEL.fullmatch(model):
            return
        routes = list(dict.fromkeys(hosted(model, provider, self.known)))
        deep = max((len(list(spellings(name))) for _, name in routes), default=0)
        for depth in range(deep):
            for host, name in routes:
                spelled = list(spellings(name))
                if depth < len(spelled):
                    yield host, spelled[depth]

    def find(self, model: str, provider: str | None) -> Listing | None:
        """Return the listing of a model, or `None`."""
        key = model, provider
        seen = self._found.get(key, _UNSEEN)
        if not isinstance(seen, _Unseen):
            return seen
        try:
            found = self._search(model, provider)
        except shipped.UNREADABLE as error:
            if self._imported:
                raise
            self._imported = True
            self._data = shipped.imported(error)
            found = self._search(model, provider)
        if len(self._found) >= _REMEMBERED:
            self._found.clear()  # names come from outside, so their number must be bounded
        self._found[key] = found
        return found

    def _search(self, model: str, provider: str | None) -> Listing | None:
        for host, name in self.candidates(model, provider):
            found = self._look(host, name)
            if found is not None:
                return found
        return None

    def _look(self, host: str | None, name: str) -> Listing | None:
        ours = table.correction(host, name)
        if ours is not None:
            return ours
        found = self._at(host, name) if host is not None else self._made(name)
        if found is None or table.is_elsewhere(found.provider, found.id.lower()):
            return None
        return table.correction(found.provider, found.id.lower()) or found

    def _at(self, host: str, name: str) -> Listing | None:
        there = self.data.hosts.get(host)
        return self.data.find(there, name) if there else None

    def _made(self, name: str) -> Listing | None:
        claimed = False
        for host in self.data.hosts_of(name):
            claimed = True
            found = self.data.find(host, name)
            if found is not None:
                return found
        # Names such as `meta-llama/…` are weights that many serve, each at a price of its own; and what a
        # maker claims by its own rule, without listing it, nobody else is asked for.
        for maker in _MAKERS if "/" not in name and not claimed else ():
            there = self.data.hosts.get(maker)
            found = there.find(name) if there else None
            if found is not None and (_says(found, name) or name.startswith("ft:")):
                return found
        return None

    def names(self) -> list[str]:
        """Return every model: makers' by their bare names, hosts' as `host/model`."""
        names = set(table.names())
        for host in self.data.hosts.values():
            for model in map(str.lower, host.ids()):
                if not table.is_elsewhere(host.id, model):
                    names.add(model if self._is_maker(host, model) else f"{host.id}/{model}")
        return sorted(names)

    def _is_maker(self, host: shipped.Host, model: str) -> bool:
        """Tell whether the bare name means this host's model."""
        if host.id not in _MAKERS or "/" in model:
            return False
        claims = list(self.data.hosts_of(model))
        return not claims or host in claims

    def near(self, model: str, among: list[str], count: int = 3) -> tuple[str, ...]:
        """Return the names most like this one."""
        wanted = model.strip().lower()[:LONGEST]
        words = set(re.split(r"[^a-z0-9]+", wanted)) - {""}

        def shared(name: str) -> int:
            return sum(len(word) for word in words if word in name)

        likely = sorted(among, key=lambda name: (-shared(name), len(name)))[:60]
        return tuple(difflib.get_close_matches(wanted, likely, n=count, cutoff=0.5))


def _says(listing: Listing, name: str) -> bool:
    """Tell whether a listing names a model outright, and not by a pattern."""
    kind, what = listing.match
    return name == listing.id.lower() or ("equals", name) in (what if kind == "or" else ((kind, what),))


catalogue = Catalogue()
"""The one reading of the installed data that all price tables share."""
