"""The facade shows what it says it shows, and importing it does nothing else."""

import json
import subprocess
import sys
import types
from pathlib import Path

import pytest

import frugal

# The names that the design promises to be importable from `frugal`; more may be there.
PROMISED = """
metered budgeted Budget cached memory disk semantic_cached routed by_complexity cascade adaptive learned Model
batched deduplicated rate_limited stack explain explain_call middleware instrument scope current_call feedback
bypass invalidate Ledger Usage Cost Money usd PriceTable ModelPrice calculate_cost estimate_monthly advise
backtest FrugalError BudgetExceededError LedgerUnavailableError UnknownPriceError UnkeyableCallError
NotAsyncError StoreCorruptedError BatchSizeMismatchError NoEligibleModelError
""".split()

# Too heavy, or too much somebody else's, to come with `import frugal`.
NOT_LOADED = """
anthropic bokeh google.genai litellm openai opentelemetry.sdk rich typer usearch wordllama
""".split()

WATCHED_IMPORT = """
import json, os, sys, threading

seen = []
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
TOUCHES = (
    "socket.", "sqlite3.", "subprocess.", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.link",
    "os.symlink", "os.truncate", "os.fork", "os.system", "os.exec", "shutil.", "tempfile.", "urllib.",
    "http.client.",
)

def watch(event, args):
    if event == "open":
        path, mode, flags = args
        if isinstance(flags, int) and flags & WRITES:
            seen.append(f"open for writing: {path!r}")
    elif event.startswith(TOUCHES):
        seen.append(f"{event}: {args!r}")

sys.addaudithook(watch)
import frugal
print(json.dumps({
    "seen": seen,
    "modules": sorted(sys.modules),
    "threads": [thread.name for thread in threading.enumerate()],
}))
"""


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Import frugal in a fresh interpreter under an audit hook, in an empty home."""
    home = tmp_path_factory.mktemp("home")
    run = subprocess.run(
        [sys.executable, "-B", "-W", "error", "-c", WATCHED_IMPORT],
        env={"HOME": str(home), "PATH": "", "FRUGAL_HOME": str(home / "frugal")},
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    report: dict[str, list[str]] = json.loads(run.stdout)
    report["files"] = [str(path) for path in home.rglob("*")]
    return report


def test_all_names_what_is_visible() -> None:
    """What `dir(frugal)` shows and `frugal.__all__` are the same, and all of it is there; rooms need no listing."""
    visible = {name for name in dir(frugal) if not name.startswith("_")}
    rooms = {name for name in visible if isinstance(getattr(frugal, name), types.ModuleType)}
    assert set() == visible - rooms - set(frugal.__all__), "visible, but not in __all__"
    assert set() == set(frugal.__all__) - visible, "in __all__, but not shown by dir(frugal)"
    assert [] == [name for name in frugal.__all__ if not hasattr(frugal, name)]


def test_all_says_each_name_once() -> None:
    """A name that stands twice in `__all__` hides that one of the two was meant to be another."""
    assert len(set(frugal.__all__)) == len(frugal.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    """A misspelt name fails as it does on any module, laziness or not."""
    with pytest.raises(AttributeError, match="metred"):
        frugal.metred  # noqa: B018  # the access is the test


@pytest.mark.parametrize("name", PROMISED)
def test_a_promised_name_is_importable(name: str) -> None:
    """Each name of the design is importable from `frugal`, and public."""
    assert hasattr(frugal, name)
    assert name in frugal.__all__


def test_public_objects_have_docstrings() -> None:
    """Whatever a user can import explains itself."""
    silent = [name for name in frugal.__all__ if not (getattr(frugal, name).__doc__ or "").strip()]
    assert [] == silent


def test_importing_touches_neither_network_nor_disk(watched: dict[str, list[str]]) -> None:
    """`import frugal` opens no socket, no database and no file for writing, and starts no thread."""
    assert [] == watched["seen"]
    assert [] == watched["files"]
    assert ["MainThread"] == watched["threads"]


@pytest.mark.parametrize("module", NOT_LOADED)
def test_importing_does_not_load(module: str, watched: dict[str, list[str]]) -> None:
    """`import frugal` leaves what is heavy or optional for when it is needed."""
    assert module not in watched["modules"]


def test_the_package_is_typed() -> None:
    """`py.typed` lies beside the facade, so that checkers read our annotations."""
    assert (Path(frugal.__file__).parent / "py.typed").is_file()
