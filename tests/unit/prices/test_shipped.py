"""The shipped data: read as text, imported when it cannot be, and missed when it is not there."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import pytest

from frugal.prices import shipped
from frugal.prices.catalogue import Catalogue
from frugal.prices.parsing import parse, unquote

LAYOUT = """
providers: list[Provider] = [
    Provider(
        id='acme',
        name='Acme',
        api_pattern='x',
        model_match=ClauseStartsWith(starts_with='road-'),
        models=[
            ModelInfo(id='road-1', match=ClauseEquals(equals='road-1'), prices=ModelPrice()),
            ModelInfo(
                id='road-2',
                match=ClauseRegex(regex='^road-2(?:-\\\\d{8})?$'),
                prices=ModelPrice(input_mtok=Decimal('1'), output_mtok=%s),
            ),
        ],
    ),
]
"""


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a file in the place of the installed data."""
    path = tmp_path / "data.py"
    monkeypatch.setattr(shipped, "_path", lambda: path)
    return path


def test_models_of_one_line_and_of_many_are_read(data: Path) -> None:
    """Both layouts of a model count, in order."""
    data.write_text(LAYOUT % "Decimal('2')")
    host = shipped.load().hosts["acme"]
    assert list(host.ids()) == ["road-1", "road-2"]
    assert [host.find(name) and host.find(name).id for name in ("road-1", "road-2-20250101", "road-3")] == [
        "road-1",
        "road-2",
        None,
    ]


def test_code_in_the_data_is_never_executed(data: Path) -> None:
    """What is not a literal or a constructor is refused as text; the installed module is then asked instead."""
    data.write_text(LAYOUT % "__import__('os').abort()")
    catalogue = Catalogue()
    assert catalogue.find("road-2", None) is None
    assert catalogue.find("gpt-4o", None).id == "gpt-4o"
    assert "genai_prices.data" not in sys.modules or sys.modules["genai_prices.data"].providers


@pytest.mark.parametrize("text", ["", "providers = []", "    Provider(\n", "\n    Provider(\n        name='x',\n"])
def test_another_layout_is_imported(data: Path, text: str) -> None:
    """Text that is not laid out as we know it does not lose prices."""
    data.write_text(text)
    assert "openai" in shipped.load().hosts


def test_a_missing_file_is_imported(data: Path) -> None:
    """A frozen application has no text; its module is imported."""
    assert not data.exists()
    assert "openai" in shipped.load().hosts


def test_without_the_library_only_our_rows_are_known(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A missing library is said once, and is not an error."""
    monkeypatch.setattr(shipped, "_path", lambda: None)
    with caplog.at_level(logging.WARNING, "frugal"):
        catalogue = Catalogue()
        assert catalogue.find("gpt-4o", None) is None
        assert catalogue.find("embed-english-v3.0", None) is not None
    assert "not installed" in caplog.text
    assert shipped.version() == "none"


def test_a_library_without_metadata_has_an_unknown_version(data: Path) -> None:
    """The version is a fact of the installation, and may be missing."""
    assert data
    assert shipped.version() == "unknown"


@pytest.mark.parametrize("text", [b"f(1)", b"x", b"1 + 1", b"a.b.c", b"f(x=g)", b"lambda: 1", b"x()()", b"datetime.x"])
def test_only_literals_and_constructors_are_values(text: bytes) -> None:
    """Anything else is refused."""
    with pytest.raises(ValueError, match=r"unexpected|positional|not a string|argument"):
        parse(text)


def test_a_literal_is_unquoted_as_python_reads_it() -> None:
    """With and without escapes, and only when it is a string."""
    assert [unquote(b"'a'"), unquote(rb"'a\\.b'"), unquote(rb'"it\'s"')] == ["a", "a\\.b", "it's"]
    with pytest.raises(ValueError, match="not a string"):
        unquote(rb"b'\\'")
