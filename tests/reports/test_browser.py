"""The page as a browser takes it: needs Chromium, headless, driven by Playwright."""

import re
import shutil
import threading
from dataclasses import replace

import numpy as np
import pytest

from bench.comparing.changes import Step
from bench.comparing.history import History, Series
from bench.stores.store import RunLine, SeriesLine
from devices.base import Reading
from reports.formats import FORMATS
from reports.html import write
from reports.serve import make_server, page_of

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
DRAWN = "figure.chart:not([data-drawn])"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium"),
]


@pytest.fixture(scope="module")
def chromium():
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def browse(chromium, tmp_path):
    """Open a page from file://, wait until its charts are drawn, and keep what the console said."""
    contexts = []

    def load(page, viewport=DESKTOP, scheme="light"):
        path = tmp_path / "page.html"
        path.write_text(page, "utf-8")
        context = chromium.new_context(viewport=viewport, color_scheme=scheme)
        contexts.append(context)
        tab = context.new_page()
        tab.said = []
        tab.on("console", lambda message: tab.said.append(message.text))
        tab.on("pageerror", lambda error: tab.said.append(str(error)))
        tab.on("dialog", lambda dialog: tab.said.append(dialog.message))
        tab.goto(path.as_uri())
        tab.wait_for_selector(DRAWN, state="detached")
        return tab

    yield load
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def page(run, folder):
    return FORMATS["html"](run, folder)


def column(tab, number):
    """Read a column of the table of cases, without the rows that are hidden."""
    rows = tab.locator("#cases-table tbody tr:not([hidden])")
    cells = rows.evaluate_all("(rows, n) => rows.map((row) => row.cells[n].textContent)", number)
    return [cell.strip() for cell in cells]


def too_wide(tab):
    return tab.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )


def test_every_chart_is_drawn_without_a_word_on_the_console(browse, page, run):
    tab = browse(page)
    assert tab.said == []
    figures = tab.locator("figure.chart")
    assert [f.get_attribute("data-drawn") for f in figures.all()] == ["yes"] * 6
    assert all(f.locator("svg").count() == 1 for f in figures.all())
    dots = tab.locator("[data-chart=distribution] .mark-symbol path").count()
    assert dots == sum(
        len(row.metrics["rtf"].samples)
        for row in run.rows
        if row.metrics and row.case.utterance == "short"
    )


def test_a_window_that_changes_its_size_redraws_without_a_word(browse, page):
    tab = browse(page)
    for size in (PHONE, DESKTOP):
        tab.set_viewport_size(size)
        tab.wait_for_timeout(300)
        widths = tab.locator("figure.chart").evaluate_all(
            "figures => figures.map((f) => f.clientWidth - f.querySelector('svg').clientWidth)"
        )
        assert all(0 <= width < 80 for width in widths)
    assert tab.said == []


def test_history_and_conditions_are_drawn_where_they_are_known(browse, run, folder):
    readings = tuple(
        Reading(f"2026-02-11T09:{minute:02d}:00+00:00", 0, 30.0 + minute, 2_400_000)
        for minute in range(5)
    )
    line = SeriesLine(1, "host", "fp32", "xnnpack", "short", "base", "", "rtf", "ratio")
    values = np.array([1.0, 1.0, 1.2])
    series = Series(
        line,
        np.arange(3),
        values,
        values - 0.01,
        values + 0.01,
        5,
        np.ones(3, bool),
        (Step(2, 1.0, 1.2),),
        None,
    )
    past = [
        RunLine(n, "host", f"{n:04d}_3f2a9c1", "2026-02-11T09:14", "3f2a9c1", "Debian", False)
        for n in (1, 2, 3)
    ]
    told = replace(run, rows=(replace(run.rows[0], readings=readings), *run.rows[1:]))
    tab = browse(write(told, folder, History(past, [series], (), ())))
    assert tab.said == []
    assert tab.locator("figure.chart[data-drawn=yes]").count() == 8
    assert "+20.0 % worse" in tab.locator("[data-chart=history] svg").text_content()


def test_a_served_page_plays_its_speech(chromium, run, folder):
    server = make_server(page_of(run, folder), 0)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        tab = chromium.new_page()
        said = []
        tab.on("console", lambda message: said.append(message.text))
        tab.goto(f"http://127.0.0.1:{server.server_port}/")
        tab.wait_for_selector(DRAWN, state="detached")
        length = """(player) => new Promise((resolve) => {
            player.muted = true;
            player.addEventListener("playing", () => resolve(player.duration), { once: true });
            player.play();
        })"""
        assert tab.locator("audio").first.evaluate(length) == pytest.approx(96 / 75)
        assert said == []
        tab.close()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_policy_stops_a_script_that_slipped_in(browse, page):
    slipped = page.replace("</main>", "<script>document.title = 'caught'</script></main>")
    tab = browse(slipped)
    assert tab.title() != "caught"
    assert any("Content Security Policy" in line for line in tab.said)


def test_hostile_text_shows_as_text_in_tables_charts_and_tooltips(browse, hostile_run, folder):
    tab = browse(FORMATS["html"](hostile_run, folder))
    for choice in tab.locator("figure.chart select").all():
        choice.select_option(index=choice.locator("option").count() - 1)
    for summary in tab.locator("figure summary").all():
        summary.click()
    tab.locator("[data-chart=operators] .rectangles path").last.hover()
    assert "<img src=x" in tab.locator("#vg-tooltip-element").text_content()
    assert tab.said == []
    assert tab.locator("img").count() == 0
    assert "<img src=x onerror=alert(1)>" in tab.locator("#cases-table").text_content()


def test_headers_sort_by_keyboard_with_missing_numbers_last(browse, page):
    tab = browse(page)
    header = tab.locator("#cases-table th").nth(3)
    for order in ("ascending", "descending"):
        header.locator("button").press("Enter")
        assert header.get_attribute("aria-sort") == order
        rtfs = column(tab, 3)
        numbers = [float(rtf) for rtf in rtfs[:10]]
        assert numbers == sorted(numbers, reverse=order == "descending")
        assert not any(re.fullmatch(r"[\d.]+", rtf) for rtf in rtfs[10:])


def test_a_thousand_cases_can_be_searched_and_filtered(browse, big_run, folder):
    tab = browse(FORMATS["html"](big_run, folder))
    assert tab.said == []
    form = tab.locator("form.filter")
    form.locator("input").fill("u0007 8da")
    assert column(tab, 0) == ["8da8w", "8da4w"]
    assert form.locator("output").text_content() == "2 of 1,000"
    form.locator("select").first.select_option("8da4w")
    assert column(tab, 0) == ["8da4w"]
    form.locator("input").fill("")
    assert len(column(tab, 0)) == 250


def test_a_choice_changes_the_chart_and_its_table(browse, page):
    tab = browse(page)
    figure = tab.locator("[data-chart=distance]")
    figure.locator("summary").click()
    assert "LSD" in figure.locator("tbody").text_content()
    figure.locator("select").first.select_option("MCD (dB)")
    assert "MCD" in figure.locator("tbody").text_content()
    assert "LSD" not in figure.locator("tbody").text_content()
    assert "MCD (dB)" in figure.locator("svg").text_content()


def test_a_click_on_a_method_makes_it_fill_the_icicle(browse, page):
    tab = browse(page)
    codec = tab.locator("[data-chart=operators] .rectangles path").filter(has_not_text="x")
    before = codec.count()
    tab.locator("[data-chart=operators] text", has_text=re.compile("^codec")).click(force=True)
    tab.wait_for_timeout(200)
    assert 0 < codec.count() < before


def test_the_theme_follows_the_system_until_it_is_chosen(browse, page):
    def ground(tab):
        return tab.evaluate("getComputedStyle(document.body).backgroundColor")

    light, dark = browse(page), browse(page, scheme="dark")
    colours = {ground(light), ground(dark)}
    assert len(colours) == 2
    ink = light.locator("figure.chart svg text").first
    was = ink.evaluate("node => getComputedStyle(node).fill")
    light.get_by_role("button", name="Dark").click()
    assert ground(light) == ground(dark)
    assert ink.evaluate("node => getComputedStyle(node).fill") != was
    light.get_by_role("button", name="Light").click()
    assert {ground(light), ground(dark)} == colours


def test_a_phone_shows_the_page_without_scrolling_sideways(browse, run, folder):
    long_name = replace(run.header, run="0007_" + "x" * 120)
    tab = browse(FORMATS["html"](replace(run, header=long_name), folder), PHONE)
    assert too_wide(tab) == 0
    for summary in tab.locator("summary").all():
        summary.click()
    assert too_wide(tab) == 0


def test_text_stands_out_from_what_it_is_on(browse, page):
    """At least 4.5 to 1 (WCAG 2.2, AA) for each pair of colours that text is drawn in."""
    pairs = [("ink", "page"), ("soft", "page"), ("soft", "card"), ("accent", "card")]
    pairs += [(kind, f"{kind}-soft") for kind in ("good", "warn", "bad")]
    pairs += [("on-fill", f"s{number}") for number in range(7)]
    pairs += [("on-fill", "outside"), ("on-fill", "accent")]
    resolve = """names => {
        const probe = document.body.appendChild(document.createElement("p"));
        return names.map((name) => {
            probe.style.color = `var(--${name})`;
            return getComputedStyle(probe).color.match(/[0-9.]+/g).slice(0, 3).map(Number);
        });
    }"""

    def luminance(rgb):
        parts = [c / 255 / 12.92 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in rgb]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    for scheme in ("light", "dark"):
        tab = browse(page, scheme=scheme)
        for pair in pairs:
            low, high = sorted(luminance(rgb) for rgb in tab.evaluate(resolve, list(pair)))
            assert (high + 0.05) / (low + 0.05) >= 4.5, (scheme, pair)


def test_another_voice_goes_on_where_the_first_one_stopped(browse, page):
    tab = browse(page)
    taken_over = """() => new Promise((resolve) => {
        const utterance = document.querySelectorAll(".utterance")[1];
        const [first, second] = utterance.querySelectorAll("audio");
        first.muted = second.muted = true;
        first.currentTime = 1;
        first.play().then(() => second.play()).then(() => {
            resolve([first.paused, second.currentTime >= 1]);
        });
    })"""
    assert tab.evaluate(taken_over) == [True, True]
