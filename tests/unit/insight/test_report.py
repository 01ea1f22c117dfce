"""The report as a document: its figures are the ledger's, and what users wrote is text."""

import json
import stat
import sys
from collections.abc import Iterator
from datetime import datetime
from html.parser import HTMLParser
from typing import Any

import pytest

from frugal import Money, Usage, advise
from frugal._values.cost import Cost
from frugal._values.record import BudgetFigure, BudgetStatus
from frugal.errors import MissingExtraError
from frugal.insight import render, report
from frugal.insight.reporting.charts import bars_of
from frugal.insight.reporting.figures import gather
from frugal.insight.reporting.names import functions, named
from frugal.insight.reporting.parts import MOST
from frugal.insight.reporting.scan import Latency, Scan
from frugal.insight.reporting.standing import standing

HOSTILE = ("<script>alert(1)</script>", "</script><script>alert(2)</script>", '"><img src=x onerror=alert(3)>')


class Page(HTMLParser):
    """Read a page as a browser would: its elements, its texts and its scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text = ""
        self._open: list[str] = []
        self._section = ""
        self._table = ""
        self.amounts: list[tuple[str, int]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.elements.append((tag, found))
        self._open.append(tag)
        if tag == "section":
            self._section = found.get("id") or found.get("class") or ""
        if tag == "script":
            self.scripts.append("")
        if found.get("data-pico"):
            self.amounts.append((self._section, int(found["data-pico"] or 0)))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "script":
            self.scripts[-1] += data
        elif not self._open or self._open[-1] != "style":
            self.text += data

    def sums(self, section: str) -> int:
        return sum(pico for where, pico in self.amounts if where == section)

    @property
    def charts(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.scripts[0])
        return found


def sources(chart: Any) -> Iterator[dict[str, Any]]:
    """Yield the columns of a chart's source."""
    if isinstance(chart, dict):
        if chart.get("name") == "ColumnDataSource":
            yield dict(chart["attributes"]["data"]["entries"])
        for value in chart.values():
            yield from sources(value)
    elif isinstance(chart, list):
        for value in chart:
            yield from sources(value)


def test_every_table_adds_up_to_the_ledgers_total(story):
    """By model, user, function and each tag: cost and saved together, to the pico-dollar; and the books are right."""
    assert story.ledger.audit().ok
    total = story.ledger.totals()
    page = Page(render(story.ledger))
    whole = total.cost.known.pico + total.saved.pico
    figures = gather(story.ledger, since=None, until=None, timezone="UTC", title="", prices=None)
    assert {"model", "user", "function"} < {part.key for part in figures.parts}
    for part in figures.parts:
        assert whole == page.sums(f"part-{part.key}"), part.title
        assert total.calls == sum(line.calls for line in part.lines)
        assert total.usage.total_tokens == sum(line.tokens for line in part.lines)
        assert total.cost.unpriced_calls == sum(line.cost.unpriced_calls for line in part.lines)
    assert total.saved.pico == page.sums("part-layers")
    assert [total.cost.known.pico, total.saved.pico] == [pico for where, pico in page.amounts if where == "head"]
    assert whole == page.sums("whole")  # the days


def test_each_tag_has_the_ledgers_own_figures(story):
    """What the scan added up is what `usage` says."""
    figures = gather(story.ledger, since=None, until=None, timezone="UTC", title="", prices=None)
    part = next(part for part in figures.parts if part.title == "By tag: feature")
    rows = {row.group["tag:feature"]: row for row in story.ledger.usage(by=("tag:feature",))}
    assert set(rows) == {line.name for line in part.lines}
    for line in part.lines:
        row = rows[line.name]
        assert (row.calls, row.cost.amount, row.cost.low, row.cost.high, row.saved) == (
            line.calls, line.cost.amount, line.cost.low, line.cost.high, line.saved,
        )  # fmt: skip


def test_every_chart_shows_the_same_dollars_as_its_table(story):
    """Bars, and stacks over time, add up to the total."""
    total = story.ledger.totals()
    charts = Page(render(story.ledger)).charts
    assert {"chart-time", "chart-model", "chart-user", "chart-function", "chart-layers", "chart-latency"} < set(charts)
    for name, chart in charts.items():
        (data,) = sources(chart)
        if name == "chart-latency":
            assert all(0 < half <= most for half, most in zip(data["p50"], data["p95"], strict=True))
            continue
        if name == "chart-time":
            shown = sum(sum(values) for column, values in data.items() if column.startswith("cost"))
        else:
            shown = sum(data["dollars"])
        wanted = total.saved if name == "chart-layers" else total.cost.known
        assert float(wanted) == pytest.approx(shown, rel=1e-9), name


def test_the_advice_on_the_page_is_that_of_advise(story):
    """The same tips, in the same order, for the same amounts."""
    page = Page(render(story.ledger))
    advice = advise(story.ledger)
    assert [each.saving.pico for each in advice if each.saving is not None] == [
        pico for where, pico in page.amounts if where == "part-advice"
    ]
    for each in advice:
        assert each.title in page.text
        assert each.evidence in page.text


@pytest.mark.parametrize("hostile", HOSTILE)
def test_what_users_wrote_is_text_and_nothing_else(story, hostile):
    """No element and no script comes of it; the scripts are our three, and what they hold cannot end them."""
    page = render(story.ledger, title=hostile)
    read = Page(page)
    assert hostile in read.text
    assert len(read.scripts) == 3
    assert not {"img", "b", "i"} & {tag for tag, attrs in read.elements if attrs.get("onerror") or attrs.get("src")}
    assert not any(name.startswith("on") for _, attrs in read.elements for name in attrs)
    assert "<" not in read.scripts[0]
    assert hostile not in page
    assert read.charts


def test_signs_that_cannot_be_seen_are_spelt_out(story):
    """A name cannot reverse, break or hide the text around it."""
    page = render(story.ledger)
    assert "\u202e" not in page
    assert "\u2028" not in page
    assert "a\\u202eb\\u2028c" in Page(page).text


def test_the_page_stands_by_itself(story):
    """It is below 2 MB, refers to nothing outside it, and says to the browser that it may ask for nothing."""
    page = render(story.ledger)
    assert len(page.encode()) < 2_000_000
    read = Page(page)
    assert not [attrs for _, attrs in read.elements if "src" in attrs]
    assert [{"rel": "icon", "href": "data:,"}] == [attrs for _, attrs in read.elements if "href" in attrs]
    policy = next(
        attrs["content"] or "" for _, attrs in read.elements if attrs.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none';")
    assert policy.count("'sha256-") == 2
    assert "'unsafe-inline'" not in policy.partition("script-src")[2]


def test_an_empty_ledger_makes_a_page_that_says_what_to_do(book):
    """There is nothing to draw, and no chart that failed."""
    page = Page(render(book.ledger))
    assert "Nothing was recorded" in page.text
    assert page.charts == {}


def test_only_the_asked_time_is_shown_in_its_zone(story):
    """The page's total is that of `totals` for the same time; a naive time is of the asked zone."""
    zone = "Asia/Taipei"
    since, until = datetime(2026, 1, 3), datetime(2026, 1, 9)  # naive on purpose
    asked = {"since": since, "until": until, "timezone": zone}
    page = Page(render(story.ledger, **asked))
    total = story.ledger.totals(**asked)
    assert total.cost.known.pico == page.amounts[0][1]
    figures = gather(story.ledger, title="", prices=None, **asked)
    assert [f"2026-01-0{day}" for day in range(3, 9)] == [moment.label for moment in figures.moments]
    assert "From 2026-01-03 00:00 until before 2026-01-09 00:00" in page.text
    tagged = next(part for part in figures.parts if part.title == "By tag: feature")
    assert total.calls == sum(line.calls for line in tagged.lines)


@pytest.mark.parametrize(("days", "unit"), [(1, "hour"), (30, "day"), (200, "week"), (1_000, "month")])
def test_time_is_shown_in_steps_that_fit_it_and_empty_ones_too(book, days, unit):
    """Hours of two days, days of a quarter, weeks of two years, else months; each step follows the last."""
    book.add(0)
    book.add(-days * 86_400)
    book.settle()
    figures = gather(book.ledger, since=None, until=None, timezone="Europe/Berlin", title="", prices=None)
    assert unit == figures.unit
    for one, other in zip(figures.moments, figures.moments[1:], strict=False):
        assert one.end == other.start
    assert figures.total.cost.known == sum((moment.cost.known for moment in figures.moments), Money(0))


def test_the_file_is_whole_or_not_there_and_its_owners_only(story, tmp_path):
    """A page that fails leaves what was there; one that works replaces it."""
    place = tmp_path / "page.html"
    place.write_text("before")
    with pytest.raises(ValueError, match="Mars"):
        report(story.ledger, place, timezone="Mars/Olympus")
    assert place.read_text() == "before"
    assert place == report(story.ledger, place)
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert [place.name] == [path.name for path in tmp_path.iterdir() if path.is_file()]


def test_a_file_that_cannot_be_written_leaves_nothing_behind(story, tmp_path):
    """No half page, and the error of the operating system."""
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError, match="taken"):
        report(story.ledger, tmp_path / "taken")
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".part")]


def test_without_the_extra_the_error_says_what_to_install(book, monkeypatch):
    """It names the extra."""
    for name in [name for name in sys.modules if name.split(".")[0] == "bokeh"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "bokeh", None)
    monkeypatch.delitem(sys.modules, "frugal.insight.reporting.charts")
    monkeypatch.delattr("frugal.insight.reporting.charts")
    with pytest.raises(MissingExtraError, match=r"frugal\[report\]"):
        render(book.ledger)


def test_progress_counts_every_record(story):
    """What is shown as a bar reaches its end."""
    steps = []
    render(story.ledger, on_record=lambda: steps.append(1))
    assert len(story.written) == len(steps)


def test_budgets_stand_on_the_page_with_what_is_used(story):
    """A name with markup in it, the subject, and the flag of a budget near its limit."""
    page = Page(render(story.ledger))
    assert "<i>the team</i>" in page.text
    assert "<script>alert(4)</script>" in page.text
    (status,) = story.ledger.budgets()
    assert status.usd is not None
    assert status.usd.held == Money(9 * 10**11)
    shown = page.text.partition("<i>the team</i>")[2].partition("Advice")[0]
    assert "$1.0000" in shown
    assert "$0.1000" in shown
    assert "1,000" in shown


def test_quantiles_are_within_five_percent():
    """Bins of 5 % keep latency in a bounded space."""
    latency = Latency()
    for number in range(1, 10_001):
        latency.add(number / 1_000)
    for share in (0.01, 0.5, 0.95, 0.99):
        assert share * 10 == pytest.approx(latency.quantile(share), rel=0.05)
    assert len(latency.bins) < 250
    latency.add(0.0)  # as quick as the clock can tell
    assert Latency().quantile(0.5) == 0.0


def test_a_tag_with_a_value_for_each_call_is_left_out_whole_and_named(book):
    """A request's id as a tag does not fill the memory, nor is a part of it shown as all."""
    scan = Scan()
    for number in range(1_200):
        record = book.add(number, cost="0", usage=Usage(), tags={"request": str(number), "feature": "x"})
        assert [record] == list(scan.watch([record]))
    assert set(scan.tags) == {"feature"}
    assert scan.crowded == {"request"}
    assert scan.tags["feature"]["x"].calls == 1_200
    book.settle()
    assert "The tag 'request' has too many values to show." in Page(render(book.ledger)).text


def test_names_stand_beside_the_charts_and_not_in_them(story):
    """Bokeh would take `$$x$$` on an axis for a formula; a name is only ever its data, shown in a tooltip."""
    charts = Page(render(story.ledger)).charts

    def strings(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            for name, each in value.items():
                if name != "entries":
                    yield from strings(each)
        elif isinstance(value, list):
            for each in value:
                yield from strings(each)
        elif isinstance(value, str):
            yield value

    assert not [text for text in strings(charts) if "$$" in text or "x^2" in text or "<" in text]


def test_functions_are_told_apart():
    """By their last names where that is enough."""
    assert named("") == "(none)"
    assert functions(["a.ask", "b.ask", "", "c.plan"]) == {
        "a.ask": "a.ask", "b.ask": "b.ask", "": "(none)", "c.plan": "plan",
    }  # fmt: skip


def test_a_day_that_loses_an_hour_is_drawn_an_hour_shorter(book):
    """Steps follow the calendar of the zone, across daylight saving."""
    for day in (71, 72, 73, 74):  # 29 March 2026 is the third
        book.add(day * 86_400)
    book.settle()
    figures = gather(book.ledger, since=None, until=None, timezone="Europe/Berlin", title="", prices=None)
    assert [24, 24, 23, 24] == [(moment.end - moment.start) / 3_600 for moment in figures.moments]


def test_a_tag_of_calls_without_a_price_is_unpriced_and_never_zero(book):
    """What nobody knows is said as such, in words and in data."""
    book.add(0, model="nobody-knows", cost=Cost.unpriced(), tags={"feature": "odd"})
    book.settle()
    figures = gather(book.ledger, since=book.written[0].time.timestamp(), until=None, timezone="UTC", title="",
                     prices=None)  # fmt: skip
    part = next(part for part in figures.parts if part.key == "tag-0")
    assert [None] == [line.cost.amount for line in part.lines]
    page = Page(render(book.ledger))
    assert "1 call of a model without a price is not in the sums" in page.text
    assert "unpriced" in page.text


def test_ten_thousand_users_are_a_page_of_the_same_size(book):
    """The dearest have lines of their own, and the others are one: the sum is the ledger's all the same."""
    for number in range(600):
        book.add(number, user=f"user-{number:04d}", cost=f"{1 + number / 1_000}")
    book.settle()
    figures = gather(book.ledger, since=None, until=None, timezone="UTC", title="", prices=None)
    part = next(part for part in figures.parts if part.key == "user")
    assert MOST + 1 == len(part.lines)
    assert (part.lines[-1].shown, part.lines[-1].many, part.lines[-1].calls) == ("400 others", 400, 400)
    total = book.ledger.totals()
    assert total.cost.known == sum((line.cost.known for line in part.lines), Money(0))
    bars = bars_of(figures)["user"]
    assert bars.rows[-1].name == "590 others"
    assert len(bars.rows) == 11
    page = Page(render(book.ledger))
    assert page.sums("part-user") == total.cost.known.pico


def test_what_has_no_name_has_no_panel(book):
    """One line that says "(none)" tells nothing that the total does not."""
    book.add(0, function="")
    book.settle()
    page = render(book.ledger)
    assert 'id="part-model"' in page
    assert 'id="part-user"' not in page
    assert 'id="part-function"' not in page


def test_dollars_have_cents_where_there_are_hundreds_of_them(book):
    """And four decimals below; exact amounts stand in the tooltips, and what is not zero never reads as zero."""
    book.add(0, cost="99.5", user="much")
    book.settle()
    assert "$99.5000" in Page(render(book.ledger)).text
    book.add(1, cost="0.50001", user="little")
    book.add(2, cost="0.000001", user="least")
    book.settle()
    page = render(book.ledger)
    assert "$99.5000" not in Page(page).text
    assert "$100.00" in Page(page).text
    assert "<$0.01" in Page(page).text
    assert 'title="$100.000011"' in page


def _stands(name: str, window: str, subject: str, used: int) -> BudgetStatus:
    figure = BudgetFigure(used=used, held=0, limit=1_000, remaining=1_000 - used, fraction=used / 1_000)
    return BudgetStatus(name, window, subject, None, figure, warning=False, exceeded=False, resets_at=None)


def test_many_budgets_are_folded_and_the_fullest_seen(story, monkeypatch):
    """Those of the calendar before those of runs; a page is not filled by a budget for each of a thousand users."""
    many = [_stands("each run", "run", f"run-{number:03d}", number) for number in range(300)]
    many += [_stands("each user", "day", name, used) for name, used in (("ada", 1), ("", 3), ("<b>", 2))]
    many.append(_stands("the team", "month", "", 5))
    found = standing(many)
    assert [name for name, _ in found.first] == [
        "each user · (none)", "each user · <b>", "each user · ada", "the team",
        *(f"each run · run-{number}" for number in range(299, 293, -1)),
    ]  # fmt: skip
    assert (len(found.folded), found.left_out) == (200, 94)
    monkeypatch.setattr(type(story.ledger), "budgets", lambda self: many)
    page = Page(render(story.ledger))
    assert "200 more" in page.text
    assert "and 94 less full ones" in page.text
    assert "each user · <b>" in page.text


def test_a_ledger_that_is_written_to_meanwhile_has_sums_of_one_moment(story, monkeypatch):
    """What comes in between is read again, so that every table still adds up; and what never rests is said to."""
    totals = story.ledger.totals
    late = iter(range(1_000))

    def busy(*args: Any, **kwargs: Any) -> Any:
        if next(late) < stops:
            story.add(0, cost="1", user="late")
            story.settle()
        return totals(*args, **kwargs)

    monkeypatch.setattr(type(story.ledger), "totals", lambda self, *args, **kwargs: busy(*args, **kwargs))
    stops = 3
    figures = gather(story.ledger, since=None, until=None, timezone="UTC", title="", prices=None)
    assert figures.total == totals()
    for part in figures.parts:
        assert figures.total.cost.known == sum((line.cost.known for line in part.lines), Money(0)), part.title
        assert all(line.calls >= 0 for line in part.lines)
    assert not any("while this page was made" in note for note in figures.notes)
    stops = 1_000
    busy_figures = gather(story.ledger, since=None, until=None, timezone="UTC", title="", prices=None)
    assert any("while this page was made" in note for note in busy_figures.notes)
