"""Shipped: the price data that genai-prices carries, read where it lies and only as far as asked.

Its module is 1.6 MB of constructors; importing it takes 0.15 s, and the 60,000 objects it leaves behind
make every full garbage collection 30 to 80 ms longer. So it is not imported: its text is indexed, and the
few hundred bytes about one model are parsed (never executed) when that model is asked for. Where the text
cannot be read (a frozen application, another layout), the module is imported once, copied into the same
plain values, and let go.

Law: both ways give the same listings; a test compares them for every model.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from frugal.prices.listing import Clause, Listing, Node, clause, listing, literals, matches, spells
from frugal.prices.parsing import from_module, parse, unquote

__all__ = ["UNREADABLE", "Host", "Shipped", "imported", "load", "version"]

UNREADABLE = (ValueError, SyntaxError, KeyError, TypeError)
"""What reading text of another layout may raise."""

_log = logging.getLogger("frugal")

_PROVIDER = b"\n    Provider(\n"
_MODELS = b"\n        models=["
_MODEL = b"\n            ModelInfo("
_END = b"\n            )"
_LINE = b"\n"
_ID = re.compile(rb"\(\s*id='([^']*)'")
_HEAD_FIELD = re.compile(
    r"\n        (model_match|provider_match|fallback_model_providers)=(.*?),(?=\n        \w+=|\Z)", re.DOTALL
)
_LITERAL = re.compile(rb"Clause\w+\(\s*(\w+)=('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")")


class Host:
    """Hold one provider: how to recognise it, and its models, parsed as they are asked for."""

    __slots__ = ("_chunks", "_literals", "_parsed", "fallbacks", "id", "model_match", "provider_match")

    def __init__(self, head: Node, chunks: list[bytes | Node]) -> None:
        fields = head[1]
        self.id: str = fields["id"]
        self.model_match: Clause | None = _clause(fields.get("model_match"))
        self.provider_match: Clause | None = _clause(fields.get("provider_match"))
        self.fallbacks: tuple[str, ...] = tuple(fields.get("fallback_model_providers") or ())
        self._chunks = chunks
        self._parsed: dict[int, Listing] = {}
        self._literals: list[tuple[str, str, int]] | None = None

    def listing(self, index: int) -> Listing:
        """Return the model at that place in the list."""
        found = self._parsed.get(index)
        if found is None:
            chunk = self._chunks[index]
            found = listing(self.id, parse(chunk) if isinstance(chunk, bytes) else chunk)
            self._parsed[index] = found
        return found

    def find(self, name: str) -> Listing | None:
        """Return the first model that the name spells."""
        for index in self._candidates(name):
            found = self.listing(index)
            if spells(found.match, name, found.id):
                return found
        return None

    def ids(self) -> Iterator[str]:
        """Return the names of all models."""
        return map(_id, self._chunks)

    def __len__(self) -> int:
        return len(self._chunks)

    def _candidates(self, name: str) -> list[int]:
        """Return the models of which some literal stands in the name: no other can match it."""
        if self._literals is None:
            self._literals = [
                (kind, text, index) for index, chunk in enumerate(self._chunks) for kind, text in _texts(chunk)
            ]
        return sorted(
            {
                index
                for kind, text, index in self._literals
                if (name.startswith(text) if kind == "starts" else text in name)
            }
        )


def _id(chunk: bytes | Node) -> str:
    if not isinstance(chunk, bytes):
        return str(chunk[1]["id"])
    named = _ID.search(chunk)
    if named is None:
        raise ValueError("a model has no id")
    return named[1].decode()


def _texts(chunk: bytes | Node) -> Iterator[tuple[str, str]]:
    yield "starts", _id(chunk).lower()
    if not isinstance(chunk, bytes):
        yield from literals(clause(chunk[1]["match"]))
        return
    for found in _LITERAL.finditer(chunk):
        yield from literals((found[1].decode(), unquote(found[2])))


def _clause(node: Node | None) -> Clause | None:
    return None if node is None else clause(node)


class Shipped:
    """Hold all providers in the order in which genai-prices asks them."""

    __slots__ = ("hosts",)

    def __init__(self, hosts: list[Host]) -> None:
        self.hosts = {host.id: host for host in hosts}

    def host_named(self, name: str) -> Host | None:
        """Return the provider of that name, by id or by its own rule."""
        if name in self.hosts:
            return self.hosts[name]
        return next((h for h in self.hosts.values() if h.provider_match and matches(h.provider_match, name)), None)

    def hosts_of(self, model: str) -> Iterator[Host]:
        """Yield the providers that claim a bare model name."""
        for host in self.hosts.values():
            if host.model_match and matches(host.model_match, model):
                yield host

    def find(self, host: Host, name: str) -> Listing | None:
        """Return a provider's model, or that of a provider whose models it resells."""
        found = host.find(name)
        for other in host.fallbacks if found is None else ():
            if other in self.hosts and (found := self.hosts[other].find(name)):
                break
        return found


def load() -> Shipped:
    """Index the installed data; about 5 ms.

    Returns:
        The providers; none when genai-prices is not there at all, which is logged.
    """
    path = _path()
    if path is None:
        _log.warning("genai-prices is not installed: only frugal's own table and your prices are known.")
        return Shipped([])
    try:
        hosts = _index(path.read_bytes())
    except (OSError, *UNREADABLE) as error:
        return imported(error)
    return Shipped(hosts) if any(map(len, hosts)) else imported("no models found")


def imported(why: object) -> Shipped:
    """Take the data from the imported module, because its text is not laid out as we know it."""
    _log.info("genai-prices' data cannot be read as text (%s); importing it instead.", why)
    return Shipped([Host(head, list(models)) for head, models in from_module()])


def version() -> str:
    """Return the installed version, from the name of its metadata folder (importlib.metadata costs 15 ms)."""
    path = _path()
    if path is None:
        return "none"
    found = sorted(path.parent.parent.glob("genai_prices-*.dist-info"))
    return found[-1].name.removeprefix("genai_prices-").removesuffix(".dist-info") if found else "unknown"


def _path() -> Path | None:
    spec = find_spec("genai_prices")
    if spec is None or not spec.origin:
        return None
    return Path(spec.origin).with_name("data.py")


def _index(data: bytes) -> list[Host]:
    hosts = []
    begin = data.find(_PROVIDER)
    while begin >= 0:
        end = data.find(_PROVIDER, begin + 1)
        block = data[begin : end if end >= 0 else len(data)]
        hosts.append(_host(block))
        begin = end
    return hosts


def _host(block: bytes) -> Host:
    cut = block.find(_MODELS)
    head = block if cut < 0 else block[:cut]
    fields: dict[str, object] = {"id": _id(head)}
    for name, value in _HEAD_FIELD.findall(head.decode()):
        fields[name] = parse(value.strip().encode())
    chunks: list[bytes | Node] = []
    at = block.find(_MODEL, cut) if cut >= 0 else -1
    while at >= 0:
        inner = at + len(_MODEL)
        # A short one stands in one line, whose end belongs to what follows.
        mark, kept = (_END, len(_END)) if block.startswith(_LINE, inner) else (_LINE, 0)
        stop = block.index(mark, inner) + kept
        chunks.append(block[at:stop].rstrip(b","))
        at = block.find(_MODEL, stop)
    return Host(("Provider", fields), chunks)
