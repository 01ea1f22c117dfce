"""The report in a real browser: no network, no error, every chart, in the light, in the dark, on a phone, on paper."""

import base64
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from frugal.insight import report

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium, which drives the browser, is not installed")

pytestmark = [pytest.mark.serial, pytest.mark.timeout(900)]

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def _programs() -> tuple[str | None, str | None]:
    return next(filter(None, map(shutil.which, BROWSERS)), None), shutil.which("chromedriver")


def _install() -> str:
    """Install Debian's Chromium where that is allowed; return why not otherwise."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return "there is no Chromium with its chromedriver, and installing it takes root and apt-get"
    # Another worker may install it at the same time, and a machine without a network must not be waited for.
    quick = ("-qq", "-o", "DPkg::Lock::Timeout=120", "-o", "Acquire::http::Timeout=10", "-o", "Acquire::Retries=0")
    ends = time.monotonic() + 170
    for command in (("update",), ("install", "-y", "--no-install-recommends", "chromium", "chromium-driver")):
        left = ends - time.monotonic()
        try:
            ran = subprocess.run(
                ["apt-get", *quick, *command], capture_output=True, text=True, timeout=left, check=False,
                env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return f"'apt-get {command[0]}' took too long"
        if ran.returncode:
            return f"'apt-get {command[0]}' failed: {ran.stderr.strip()[-200:]}"
    return "" if all(_programs()) else "apt-get installed no Chromium with its chromedriver"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Return a headless Chromium, with a log of what it asks the network for."""
    if not all(_programs()):
        why = _install()
        if why:
            pytest.skip(why)
    binary, driver = _programs()
    room = tmp_path_factory.mktemp("chromium")  # for all that it writes, so that nothing is left behind
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for argument in (
        *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
        *("--disable-background-networking", "--disable-component-update"),
        f"--user-data-dir={room / 'profile'}",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.ChromeService(
        executable_path=driver, env={**os.environ, "TMPDIR": str(room), "HOME": str(room)}
    )
    found = webdriver.Chrome(options=options, service=service)
    yield found
    found.quit()


class Visit:
    """A page in the browser."""

    def __init__(self, browser: Any, place: Path) -> None:
        self.browser = browser
        self.place = place

    def open(self, width: int = 1200, *, dark: bool = False) -> None:
        """Open it at a width, and wait until its charts are drawn."""
        phone = width < 500
        self.tell("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=phone)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.tell("Emulation.setEmulatedMedia", media="", features=[scheme])
        for log in ("browser", "performance"):
            self.browser.get_log(log)
        self.browser.get(self.place.as_uri())
        deadline = time.monotonic() + 60
        while not self.ask("return document.documentElement.dataset.charts"):
            assert time.monotonic() < deadline, "the charts were not drawn in a minute"

    def ask(self, script: str) -> Any:
        """Run a script in the page and return what it returns."""
        return self.browser.execute_script(script)

    def tell(self, command: str, **arguments: Any) -> Any:
        """Send a command of the DevTools protocol."""
        return self.browser.execute_cdp_cmd(command, arguments)

    @property
    def complaints(self) -> list[str]:
        """What the console says beyond information."""
        return [entry["message"] for entry in self.browser.get_log("browser") if entry["level"] != "INFO"]

    @property
    def requests(self) -> list[str]:
        """What was asked for, but for data in the page itself."""
        events = [json.loads(entry["message"])["message"] for entry in self.browser.get_log("performance")]
        urls = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
        return [url for url in urls if not url.startswith("data:")]


@pytest.fixture(scope="module")
def page(told: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the report of a ledger with three weeks of everything in it."""
    place = tmp_path_factory.mktemp("report") / "page.html"
    return report(told.ledger, place, title="</title><script>alert(5)</script>")


@pytest.fixture
def visit(browser: Any, page: Path) -> Visit:
    """Return a visit to the report."""
    return Visit(browser, page)


def _shown(visit: Visit) -> dict[str, Any]:
    """Return, for each chart, its size and its columns as the browser holds them."""
    found: dict[str, Any] = visit.ask(
        """
        const found = {};
        for (const view of Bokeh.index.roots) {
          if (!view.model.renderers) continue;
          const box = view.el.getBoundingClientRect();
          const data = view.model.renderers[0].data_source.data;
          const entries = data instanceof Map ? [...data.entries()] : Object.entries(data);
          found[view.el.parentElement.id] = {
            width: box.width,
            height: box.height,
            data: Object.fromEntries(entries.map(([name, values]) => [name, Array.from(values)])),
          };
        }
        return found;
        """
    )
    return found


def test_it_loads_without_network_and_without_a_word_in_the_console(visit: Visit) -> None:
    """One request, for the page itself; no dialog, no warning, no refusal by the content security policy."""
    visit.open()
    assert visit.ask("return document.documentElement.dataset.charts") == "drawn"
    assert [visit.place.as_uri()] == visit.requests
    assert [] == visit.complaints
    assert visit.ask("return document.title") == "</title><script>alert(5)</script>"
    assert visit.ask("return document.scripts.length") == 3


def test_every_chart_has_its_data_and_the_ledgers_dollars(visit: Visit, told: Any) -> None:
    """What the browser holds, after all parsing, adds up to the total; and each chart is as large as its place."""
    visit.open()
    total = told.ledger.totals()
    shown = _shown(visit)
    wanted = visit.ask("return [...document.querySelectorAll('.chart')].map((chart) => chart.id)")
    assert sorted(wanted) == sorted(shown)
    assert len(shown) >= 7
    for name, chart in shown.items():
        assert chart["width"] > 300, name
        assert chart["height"] >= 40, name
        data = chart["data"]
        if name == "chart-latency":
            assert all(value > 0 for value in data["p95"])
            continue
        columns = [column for column in data if column == "dollars" or column.startswith("cost")]
        amount = total.saved if name == "chart-layers" else total.cost.known
        assert float(amount) == pytest.approx(sum(sum(data[column]) for column in columns), rel=1e-9), name


def test_the_figures_on_top_are_the_ledgers(visit: Visit, told: Any) -> None:
    """Read from the page as a person would."""
    visit.open()
    total = told.ledger.totals()
    assert str(total.cost.known.pico) == visit.ask("return document.getElementById('total-1').dataset.pico")
    assert f"{total.calls:,}" == visit.ask("return document.getElementById('total-3').textContent")
    assert str(total.usage.total_tokens) == visit.ask("return document.getElementById('total-4').dataset.count")


def _luminance(color: str) -> float:
    parts = [int(part) / 255 for part in color[color.index("(") + 1 : -1].split(",")[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("dark", [False, True])
def test_it_can_be_read_in_the_light_and_in_the_dark(visit: Visit, dark: bool) -> None:
    """Text has a contrast of 4.5 to 1 or more, and what is drawn of 3 to 1; the page follows the setting."""
    visit.open(dark=dark)
    page = visit.ask("return getComputedStyle(document.body).backgroundColor")
    assert dark == (_luminance(page) < 0.2)
    card = visit.ask("return getComputedStyle(document.querySelector('section')).backgroundColor")
    texts = visit.ask(
        "return [...document.querySelectorAll('h2, td, th, .quiet, .saving, .flag, summary')]"
        ".map((one) => getComputedStyle(one).color)"
    )
    for color in set(texts):
        assert _contrast(color, card) >= 4.5, color
    axis, bars = "rgb(115, 123, 135)", ["rgb(59, 125, 216)", "rgb(47, 158, 105)"]
    for color in (axis, *bars):
        assert _contrast(color, card) >= 3, color


@pytest.mark.parametrize("width", [360, 320])
def test_it_fits_a_phone(visit: Visit, width: int) -> None:
    """Nothing has to be pushed sideways, and no chart stands out of its card."""
    visit.open(width)
    assert visit.ask("return document.documentElement.scrollWidth") <= width
    for name, chart in _shown(visit).items():
        assert chart["width"] <= width, name
        assert chart["width"] > width / 2, name
    assert [] == visit.complaints


@pytest.mark.parametrize("width", [1600, 390])
def test_it_prints_whole(visit: Visit, tmp_path: Path, width: int) -> None:
    """Paper shows what is folded away, and no chart is wider than it; the PDF has the text of the page."""
    visit.open(width, dark=True)
    hover = webdriver.ActionChains(visit.browser)
    hover.move_to_element(visit.browser.find_element("id", "chart-model")).perform()  # a tooltip is not for paper
    made = visit.tell("Page.printToPDF", printBackground=True, paperWidth=8.27, paperHeight=11.69)
    paper = tmp_path / "page.pdf"
    paper.write_bytes(base64.b64decode(made["data"]))
    assert paper.read_bytes().startswith(b"%PDF")
    fits = visit.ask(
        "return [...document.querySelectorAll('.chart')]"
        ".map((chart) => chart.firstElementChild.offsetWidth * chart.style.getPropertyValue('--fit'))"
    )
    assert fits
    assert max(fits) <= 681
    if shutil.which("pdftotext"):
        words = subprocess.run(["pdftotext", paper, "-"], capture_output=True, text=True, check=True).stdout
        assert "Spend over time" in words
        assert "<script>alert(1)</script>" in words
        assert words.count("cost:") == 0
        assert "2025-12-27" in words  # a day in the folded table
    closed = visit.ask("return document.querySelectorAll('details[open]').length")
    assert closed == 0


def test_what_stands_above_a_bar_is_its_own(visit: Visit) -> None:
    """Every row of text is as high as the row of its bar, on any screen, and nothing of it is outside its card."""
    for width in (1200, 360):
        visit.open(width)
        fits = visit.ask(
            """
            return [...document.querySelectorAll(".bars")].map((bars) => {
              const chart = bars.querySelector(".chart").firstElementChild.getBoundingClientRect();
              const rows = [...bars.querySelectorAll("li")].map((row) => row.getBoundingClientRect());
              const values = [...bars.querySelectorAll(".value")].map((value) => value.getBoundingClientRect());
              return rows.every((row, at) => Math.abs(row.top - chart.top - 40 * at) < 1.5)
                && Math.abs(rows.at(-1).bottom - chart.bottom) < 1.5
                && values.every((value) => value.right <= chart.right + 1.5);
            });
            """
        )
        assert len(fits) >= 6
        assert all(fits)


def test_a_tooltip_shows_a_hostile_name_as_text(visit: Visit) -> None:
    """What a user wrote is not parsed where a chart shows it either."""
    visit.open()
    for name in ("chart-user", "chart-tag-0", "chart-time"):
        chart = visit.browser.find_element("id", name)
        for at in (-0.45, -0.2, 0.0, 0.2, 0.45):
            move = webdriver.ActionChains(visit.browser)
            move.move_to_element_with_offset(chart, -chart.size["width"] // 2 + 12, int(at * chart.size["height"]))
            move.perform()
    assert [] == visit.complaints
    assert visit.ask("return document.scripts.length") == 3
    assert 0 == visit.ask(
        "return [...document.querySelectorAll('.bk-Tooltip, [class*=tooltip]')]"
        ".flatMap((tip) => [...(tip.shadowRoot || tip).querySelectorAll('img, script')]).length"
    )


def test_it_has_headings_tables_and_names_for_who_cannot_see_it(visit: Visit) -> None:
    """One first heading, a section's heading in each section, head cells with a scope, and no chart without words."""
    visit.open()
    assert 1 == visit.ask("return document.querySelectorAll('h1').length")
    assert [] == visit.ask(
        "return [...document.querySelectorAll('section')]"
        ".filter((one) => !one.querySelector('h2') && !one.getAttribute('aria-label')).map((one) => one.outerHTML)"
    )
    assert [] == visit.ask("return [...document.querySelectorAll('th:not([scope])')].map((one) => one.textContent)")
    assert [] == visit.ask(
        "return [...document.querySelectorAll('.chart')].filter((one) => !(one.getAttribute('aria-label')"
        " || one.closest('.bars').querySelector('li'))).map((one) => one.id)"
    )
    assert "en" == visit.ask("return document.documentElement.lang")


def test_a_narrow_window_that_grows_is_drawn_again(visit: Visit) -> None:
    """Charts follow their place."""
    visit.open(390)
    before = _shown(visit)["chart-time"]["width"]
    visit.tell("Emulation.setDeviceMetricsOverride", width=1200, height=900, deviceScaleFactor=1, mobile=False)
    deadline = time.monotonic() + 30
    while _shown(visit)["chart-time"]["width"] < 2 * before:
        assert time.monotonic() < deadline
