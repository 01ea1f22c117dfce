"""The ledger that decorators share."""

from frugal.ledger import default_ledger


def test_there_is_one_for_each_home(tmp_path, monkeypatch):
    """Every caller gets the same one, until the environment names another place."""
    monkeypatch.setenv("FRUGAL_HOME", str(tmp_path / "one"))
    first = default_ledger()
    assert default_ledger() is first
    monkeypatch.setenv("FRUGAL_HOME", str(tmp_path / "two"))
    assert default_ledger() is not first
    assert not list(tmp_path.iterdir())
