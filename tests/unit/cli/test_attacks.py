"""What goes wrong around a command: files, streams, signals, ledgers of others, and a writer that does not rest."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from frugal import Ledger, Usage, usd
from frugal._values.cost import Cost
from frugal._values.record import Record
from frugal.cli import options
from frugal.cli.endings import os_words
from frugal.ports import Settlement

SCRIPT = [sys.executable, "-c", "from frugal.cli import app; app()"]
LOOKING = [["usage"], ["trend"], ["top"], ["budget"], ["records"], ["cache", "stats"], ["audit"], ["advise"]]


def one_line(ran: Any, *said: str) -> None:
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1), ran
    for words in said:
        assert words in ran.err


def test_a_ledger_of_a_newer_frugal_is_told_to_upgrade(
    frugal: Callable[..., Any], recorded: Callable[..., Path]
) -> None:
    """And is left as it is."""
    place = recorded({"cost": "1"})
    with sqlite3.connect(place / "cache.db") as database:
        database.execute(
            "update Cache set value = ? where key = 'schema'", ('{"format":"frugal-ledger","version":99}',)
        )
    for words in LOOKING:
        one_line(frugal(*words, "--ledger", place), "99", "Upgrade frugal")


@pytest.mark.parametrize("content", [b"garbage", b"", os.urandom(3_000)])
def test_a_directory_that_is_no_ledger_is_one_line(frugal: Callable[..., Any], tmp_path: Path, content: bytes) -> None:
    """Garbage, noise, and a database of somebody else; an empty file is an empty ledger to SQLite."""
    place = tmp_path / "theirs"
    place.mkdir()
    (place / "cache.db").write_bytes(content)
    if not content:
        with sqlite3.connect(place / "cache.db") as database:
            database.execute("create table theirs (x)")
    before = (place / "cache.db").read_bytes()
    for words in LOOKING:
        one_line(frugal(*words, "--ledger", place), "theirs")
    assert before == (place / "cache.db").read_bytes()


@pytest.mark.parametrize("command", [["report", "--html"], ["export"]], ids=["report", "export"])
def test_a_file_that_cannot_be_written_is_one_line_that_names_it(
    frugal: Callable[..., Any], week: Path, tmp_path: Path, command: list[str]
) -> None:
    """Not a half-written twin beside it, and no traceback."""
    suffix = ".html" if "--html" in command else ".csv"
    (tmp_path / f"taken{suffix}").mkdir()
    one_line(frugal(*command, tmp_path / f"taken{suffix}", "--ledger", week), "is a directory")
    # Not even root makes a file in /proc.
    one_line(frugal(*command, f"/proc/x{suffix}", "--ledger", week), f"'/proc/x{suffix}' cannot be written")
    assert [f"taken{suffix}"] == [path.name for path in tmp_path.iterdir() if path.name != "frugal-home"]


def test_the_systems_words_are_told_without_its_numbers() -> None:
    """With the file where it is known."""
    assert os_words(OSError(28, "No space left on device")) == "No space left on device."
    assert os_words(FileNotFoundError(2, "No such file or directory", "x")) == "No such file or directory: 'x'."


def test_a_closed_output_and_a_full_disk_are_one_line(week: Path) -> None:
    """Neither is a fault of frugal's."""
    command = [*SCRIPT, "usage", "--ledger", str(week)]
    closed = subprocess.run(["sh", "-c", '"$@" >&-', "sh", *command], capture_output=True, text=True, check=False)
    assert (closed.returncode, closed.stderr.count("\n")) == (2, 1)
    assert "no standard output" in closed.stderr
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (2, "frugal: No space left on device.\n")


@pytest.mark.parametrize(
    "words",
    [["report", "--html", "x.html"], ["export", "x.csv"], ["reprice"], ["advise"], ["records", "--limit", "0"]],
    ids=lambda words: words[0],
)
def test_ctrl_c_in_long_work_is_one_line_and_leaves_nothing_half_done(
    frugal: Callable[..., Any], week: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    """Code 130, and neither a file nor its half-written twin."""
    monkeypatch.chdir(tmp_path)
    records = Ledger.records

    def interrupted(self: Any, *args: Any, **kwargs: Any) -> Any:
        for number, record in enumerate(records(self, *args, **kwargs)):
            if number == 20:
                raise KeyboardInterrupt
            yield record

    def repriced(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(Ledger, "records", interrupted)
    monkeypatch.setattr(Ledger, "reprice", repriced)
    ran = frugal(*words, "--ledger", week)
    assert (ran.code, ran.err) == (130, "frugal: interrupted.\n")
    assert [] == [path.name for path in tmp_path.iterdir() if path.name != "frugal-home"]


def test_ctrl_c_while_it_is_still_being_imported_is_quiet() -> None:
    """No traceback for whoever is quick."""
    code = (
        "import sys\n"
        "class Quick:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'typer.core': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Quick())\n"
        "from frugal.cli import app\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (128 + signal.SIGINT, "")


def _write(place: Path, *records: Record) -> None:
    with Ledger(place) as ledger:
        ledger.commit(Settlement(records=records))


def _record(name: str, **fields: Any) -> Record:
    known = {"time": datetime.now(UTC), "function": "app.ask", "model": "gpt-4o", "usage": Usage(input_tokens=5),
             "cost": Cost.exact(usd(1)), "id": name, "call": name}  # fmt: skip
    return Record(**{**known, **fields})


def test_a_record_of_tomorrow_is_shown_and_breaks_nothing(frugal: Callable[..., Any], tmp_path: Path) -> None:
    """A clock that ran ahead: sums have it, today's days have not, and the page is made."""
    place = tmp_path / "ahead"
    _write(place, _record("late", time=datetime.now(UTC) + timedelta(days=400)), _record("now"))
    for words in (*LOOKING, ["report", "--html", str(tmp_path / "x.html")]):
        assert frugal(*words, "--ledger", place).code == 0, words
    assert frugal("usage", "--json", "--ledger", place).document["total"]["calls"] == 2
    assert frugal("trend", "--json", "--ledger", place).document["total"]["calls"] == 1


HOSTILE = (
    "<script>alert(1)</script>", "</script>", '" onload="alert(1)', "\u202eevil", "a\u200bb\u200dc", "[red]x[/red]",
    "\x1b[31mred\x07", "line\nbreak", "王芳" * 60, "=HYPERLINK(1)", "{{7*7}}", "%s%n", "$$x$$", "👩‍👩‍👧‍👦",
)  # fmt: skip


def test_hostile_names_are_text_in_every_command(frugal: Callable[..., Any], tmp_path: Path) -> None:
    """No control character, no direction, no hidden sign reaches the screen, whatever is named so."""
    place = tmp_path / "hostile"
    _write(place, *(
        _record(f"{at}", user=name, model=name, function=name, run=name, tags={name: name}, kind=name, provider=name)
        for at, name in enumerate(HOSTILE)
    ))  # fmt: skip
    commands = [
        *LOOKING, ["usage", "--by", "user,model,function"], ["usage", "--by", "run,kind,provider"], ["prices"],
        ["records", "--ids"], ["records", "6"], ["usage", "--by", f"tag:{HOSTILE[6]}"],
        ["report", "--html", str(tmp_path / "x.html")], ["reprice"], ["usage", "--user", HOSTILE[6]],
    ]  # fmt: skip
    for words in commands:
        ran = frugal(*words, "--ledger", place)
        assert ran.code == 0, (words, ran)
        assert not {"\x1b", "\x07", "\u202e", "\u200b"} & set(ran.out + ran.err), words
        assert "a\u200dc" not in ran.out.replace("b\\u200dc", ""), words


async def test_a_ledger_that_another_writes_to_is_read_all_the_while(
    frugal: Callable[..., Any], tmp_path: Path
) -> None:
    """Looking neither waits for the writer nor disturbs it."""
    place = tmp_path / "busy"
    begun, stop = asyncio.Event(), asyncio.Event()

    async def write() -> int:
        number = 0
        async with Ledger(place) as ledger:
            while not stop.is_set():
                number += 1
                await ledger.record(cost="0.01", user=f"user-{number % 7}", id=f"{number}")
                begun.set()
        return number

    writing = asyncio.create_task(write())
    await begun.wait()
    try:
        for words in (
            ["usage", "--json"],
            ["audit"],
            ["top"],
            ["report", "--force", "--html", str(tmp_path / "x.html")],
        ):
            ran = await asyncio.to_thread(frugal, *words, "--ledger", place)
            assert (ran.code, ran.err) == (0, ""), words
    finally:
        stop.set()
        written = await writing
    assert frugal("usage", "--json", "--ledger", place).document["total"]["calls"] == written


def test_a_tab_completes_what_the_ledger_knows(recorded: Callable[..., Path], tmp_path: Path) -> None:
    """Users and models by their beginnings; a name that a shell would obey is none, and a fault is nothing."""
    place = recorded(
        {"cost": "1", "user": "ada", "model": "gpt-4o"}, {"cost": "1", "user": "grace"}, {"cost": "1", "user": "a\nb"}
    )
    import typer

    def complete(name: str, beginning: str, ledger: Path) -> list[str]:
        context = typer.Context(get_command(typer.Typer(callback=lambda: None)))
        context.params = {"ledger": ledger}
        return options._known(name)(context, beginning)

    assert ["ada", "grace"] == [name for name in complete("user", "", place) if name]
    assert ["ada"] == complete("user", "a", place)
    assert ["gpt-4o"] == complete("model", "gp", place)
    assert [] == complete("model", "", tmp_path / "frugal-home" / "nowhere")
