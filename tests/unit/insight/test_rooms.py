"""`frugal.insight`: what it offers, and what it does not load unasked."""

import json
import subprocess
import sys

import pytest

import frugal.insight


def test_a_function_is_never_hidden_by_the_room_it_lives_in() -> None:
    """Whatever was imported before, the name is the function's."""
    import frugal.insight.advice
    import frugal.insight.reporting
    from frugal.insight import advise, render, report

    assert callable(advise)
    assert callable(report)
    assert callable(render)
    assert frugal.advise is advise
    assert "report" in dir(frugal.insight)


def test_an_unknown_name_is_an_attribute_error() -> None:
    """As of any module."""
    with pytest.raises(AttributeError, match="nonsense"):
        _ = frugal.insight.nonsense


def test_advice_needs_no_optional_package() -> None:
    """Neither the charts nor the templates are imported for it."""
    code = "import json, sys; from frugal import advise; print(json.dumps(sorted(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"bokeh", "jinja2", "tornado", "PIL"} & set(json.loads(ran.stdout))
