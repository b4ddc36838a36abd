"""The page as a browser takes it: needs Chromium, headless."""

import re
import shutil
import subprocess
from dataclasses import replace

import pytest

from reports.formats import FORMATS

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')
PHONE_WIDTH = 390

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium"),
]


@pytest.fixture
def browse(tmp_path):
    """Load a page from file:// and return its elements as text, and what the console said."""

    def load(page):
        path = tmp_path / "page.html"
        path.write_text(page)
        done = subprocess.run(
            [
                CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom",
                "--enable-logging=stderr", "--virtual-time-budget=3000",
                f"--user-data-dir={tmp_path / 'profile'}", path.as_uri(),
            ],
            capture_output=True, text=True, check=True, timeout=120,
        )  # fmt: skip
        console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
        return done.stdout, console

    return load


def scripted(page, script):
    """Add a script to a page, and lift the policy that would keep it from running."""
    return POLICY.sub("", page).replace("</body>", f"<script>{script}</script></body>")


def column(dom, number):
    """Read a column of the table of cases, without the rows that are hidden."""
    body = dom.split('id="cases-table"')[1].split("<tbody>")[1].split("</tbody>")[0]
    rows = [row for row in body.split("<tr")[1:] if not row.startswith(" hidden")]
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.S) for row in rows]
    return [row[number] if number < len(row) else None for row in cells]


def test_the_page_runs_its_script_without_a_word_on_the_console(browse, run, folder):
    dom, console = browse(FORMATS["html"](run, folder))
    assert console == []
    assert '<button type="button">Scheme</button>' in dom


def test_the_policy_stops_a_script_that_slipped_in(browse, run, folder):
    page = FORMATS["html"](run, folder)
    slipped = page.replace("</main>", "<script>document.title = 'caught'</script></main>")
    dom, console = browse(slipped)
    assert "<title>caught" not in dom
    assert any("Content Security Policy" in line for line in console)


@pytest.mark.parametrize("clicks", [1, 2])
def test_a_click_on_a_header_sorts_with_missing_numbers_last(browse, run, folder, clicks):
    click = "document.querySelectorAll('#cases-table th button')[3].click();"
    dom, console = browse(scripted(FORMATS["html"](run, folder), click * clicks))
    assert console == []
    rtfs = column(dom, 3)
    numbers = [float(rtf) for rtf in rtfs[:10]]
    assert numbers == sorted(numbers, reverse=clicks == 2)
    assert not any(re.fullmatch(r"[\d.]+", rtf) for rtf in rtfs[10:])


def test_a_thousand_cases_can_be_searched(browse, big_run, folder):
    search = (
        "const field = document.querySelector('input[type=search]');"
        "field.value = 'u0007 8da'; field.dispatchEvent(new Event('input'));"
    )
    dom, console = browse(scripted(FORMATS["html"](big_run, folder), search))
    assert console == []
    assert column(dom, 0) == ["8da8w", "8da4w"]


def test_a_phone_shows_the_page_without_scrolling_sideways(browse, run, folder, tmp_path):
    long_name = replace(run.header, run="0007_" + "x" * 120)
    page = FORMATS["html"](replace(run, header=long_name), folder)
    measure = (
        "const root = document.documentElement;"
        "parent.postMessage(`${root.scrollWidth - root.clientWidth} too wide`, '*');"
    )
    (tmp_path / "inner.html").write_text(scripted(page, measure))
    dom, _ = browse(
        f"<iframe src='inner.html' style='width:{PHONE_WIDTH}px;border:0'></iframe>"
        "<script>onmessage = (event) => { document.title = event.data; };</script>"
    )
    assert "<title>0 too wide</title>" in dom
