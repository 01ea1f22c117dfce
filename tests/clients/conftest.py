"""The real SDKs against a provider on loopback."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest


def _beside(name: str) -> ModuleType:
    """Load a module of this folder by its name, as tests import it: there are no packages here."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


for _name in ("wires", "loopback"):
    _beside(_name)


@pytest.fixture
def server() -> Iterator["loopback.Loopback"]:  # noqa: F821
    """Serve one test."""
    from loopback import Loopback

    serving = Loopback()
    try:
        yield serving
    finally:
        serving.close()
