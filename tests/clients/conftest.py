"""The real SDKs against a provider on loopback."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from frugal.testing import MemoryLedger


def _beside(name: str) -> ModuleType:
    """Load a module of this folder by its name, as tests import it: there are no packages here."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


for _name in ("wires", "loopback", "faces"):
    _beside(_name)


@pytest.fixture
def server() -> Iterator[Any]:
    """Serve one test."""
    from loopback import Loopback

    serving = Loopback()
    try:
        yield serving
    finally:
        serving.close()


@pytest.fixture
def ledger() -> MemoryLedger:
    """Keep one test's records."""
    return MemoryLedger()


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """SDKs wait half a second before they ask again; a test has nothing to wait for."""
    for module in ("openai._base_client", "anthropic._base_client"):
        monkeypatch.setattr(f"{module}.INITIAL_RETRY_DELAY", 0.0)
