import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from bench.metrics import METRICS
from bench.results import Outcome
from reports.audio import clips_of
from reports.charts.chart import VEGA, VEGA_LITE
from reports.formats import FORMATS
from reports.vega import library
from reports.views import utterance_views

LOADS = {"src", "href", "data", "poster", "srcset", "action", "formaction", "xlink:href"}
HOSTILE = (
    "</script><script>alert(1)</script><img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)" x=\'',
    "</title></style><svg onload=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(1)",
)


class Page(HTMLParser):
    """Collects the elements of a page, and its text."""

    def __init__(self, page):
        super().__init__()
        self.elements = []
        self.texts = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def addresses(self):
        return [
            value
            for _, attributes in self.elements
            for k, value in attributes.items()
            if k in LOADS and not value.startswith("#")
        ]

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())


@pytest.fixture(scope="module")
def page(run, folder):
    return FORMATS["html"](run, folder)


@pytest.fixture(scope="module")
def parsed(page):
    return Page(page)


def with_text(run, words):
    """The same run with `words` wherever a run has text of others' making."""
    rows = tuple(
        replace(
            row,
            case=replace(row.case, scheme=row.case.scheme + words, utterance=words + str(number)),
            reason=words if row.reason else "",
            warnings=(words,),
            operators=tuple({**op, "name": words, "method": words} for op in row.operators),
            left_out=((words, words),),
            methods={words: {"other_operators": {words: 1}}},
        )
        for number, row in enumerate(run.rows)
    )
    header = replace(
        run.header,
        run=words,
        commit=words,
        device=replace(run.header.device, model=words, os=words),
        versions={words: words},
        utterances={row.case.utterance: {"text": words, "prompt": words} for row in rows},
    )
    return replace(run, header=header, rows=rows)


def test_nothing_is_fetched_and_only_our_script_may_run(page, parsed):
    assert parsed.addresses
    assert all(address.startswith("data:audio/") for address in parsed.addresses)
    ours = page.replace(library(), "")  # names XML namespaces, and what it would load if asked to
    assert set(re.findall(r"https?:[^\"]*", ours)) <= {VEGA, VEGA_LITE}
    assert "url(" not in ours
    assert "@import" not in ours
    (policy,) = (m["content"] for m in parsed.all("meta") if "http-equiv" in m)
    assert policy.startswith("default-src 'none'")
    scripts = [part.split("</script>")[0] for part in page.split("<script>")[1:]]
    digests = [base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in scripts]
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    assert f"script-src {allowed};" in policy
    assert "unsafe-eval" not in policy


@pytest.mark.parametrize("words", HOSTILE)
def test_text_of_others_making_is_inert(run, folder, parsed, words):
    hostile = Page(FORMATS["html"](with_text(run, words), folder))
    assert hostile.all("script") == parsed.all("script")
    assert not hostile.all("img")
    assert {tag for tag, _ in hostile.elements} <= {tag for tag, _ in parsed.elements}
    names = {name for _, attributes in hostile.elements for name in attributes}
    assert not [name for name in names if name.startswith("on")]
    assert names == {name for _, attributes in parsed.elements for name in attributes}
    assert all(address.startswith("data:audio/") for address in hostile.addresses)
    assert " ".join(words.split()) in hostile.text


def test_the_page_begins_with_the_findings_in_plain_words(parsed):
    start = parsed.text.index("MobileSpeech benchmark")
    lead = parsed.text[start : start + 600]
    assert "8da8w x xnnpack is the fastest of the 2 schemes that finished every case" in lead
    assert "1.91 x as fast as fp32" in lead
    assert "2 of 12 cases without numbers" in lead


def test_warnings_stand_in_the_row_of_what_they_are_about(run, page):
    table = page.split('id="cases-table"')[1].split("<tbody>")[1].split("</tbody>")[0]
    for row, written in zip(run.rows, table.split("</tr>"), strict=False):
        assert re.findall(r'class="chip"[^>]*>([A-Z_]+)<', written) == list(row.warnings)


def test_fp32_is_what_other_speech_is_heard_beside(run, folder):
    views = utterance_views(run, clips_of(run, folder), ["scheme"])
    assert [view.name for view in views] == ["short", "plain", "long"]
    for view in views:
        assert view.reference.clip.case.scheme == "fp32"
        assert view.others
        assert not [other for other in view.others if other.clip.case.scheme == "fp32"]
    assert views[1].others[0].distance == "LSD 1.18 dB · MCD 0.74 dB · Tokens 94.1 %"


def test_a_run_without_numbers_is_told_all_the_same(run, folder):
    rows = tuple(replace(row, outcome=Outcome.RUN, reason="it broke", metrics={}, operators=(),
                         methods={}, audio="") for row in run.rows)  # fmt: skip
    failed = Page(FORMATS["html"](replace(run, rows=rows), folder))
    assert failed.text.count("it broke") >= len(rows)
    assert not failed.all("figure")
    assert "What the columns mean" not in failed.text


def test_every_case_is_a_row_and_every_key_metric_a_column(run, page):
    table = page.split('id="cases-table"')[1].split("</table>")[0]
    assert table.split("<tbody>")[1].count("<tr>") == len(run.rows)
    for name in ("rtf", "first_audio_ms", "load_ms", "peak_rss_bytes", "pte_bytes", "lsd_db"):
        assert f">{METRICS[name].label}" in table.split("</thead>")[0]


def test_plots_are_described_to_those_who_do_not_see_them(parsed):
    plots = [element for _, element in parsed.elements if element.get("role") == "img"]
    described = " ".join(plot["aria-label"] for plot in plots)
    assert len(parsed.all("figure")) == 6
    tables = [e for e in parsed.all("div") if e.get("aria-label", "").endswith("as a table")]
    assert len(tables) == 6
    assert "8da8w: RTF 0.293, LSD 1.18 dB, not beaten" in described
    assert "5 repeats from" in described


def test_tables_have_headers_of_columns_and_rows(parsed):
    headers = parsed.all("th")
    assert headers
    assert {header["scope"] for header in headers} == {"col", "row"}


def test_stages_and_operators_are_shown(parsed):
    assert "Text encoder" in parsed.text
    assert "torchao::dequantize_affine.out" in parsed.text
    assert "codec.istft : not a weight: a fixed basis" in parsed.text


def test_each_waveform_is_played_from_the_page_itself(run, folder, parsed):
    players = parsed.all("audio")
    with_speech = [row for row in run.rows if row.audio]
    assert len(players) == len(with_speech)
    content = (folder / with_speech[0].audio).read_bytes()
    assert base64.b64decode(players[0]["src"].split(",")[1]) == content
    assert players[0]["src"].startswith("data:audio/wav;base64,")


def test_speech_beyond_the_limit_is_linked_by_whole_utterances(run, folder):
    sizes = {row.case: (folder / row.audio).stat().st_size for row in run.rows if row.audio}
    short = sum(size for case, size in sizes.items() if case.utterance == "short")
    clips = clips_of(run, folder, limit_bytes=short)
    assert {clip.case.utterance for clip in clips if clip.playable} == {"short"}
    linked = [clip for clip in clips if not clip.playable]
    assert len(linked) == len(clips) - 3
    assert all(clip.uri.startswith("file:///") and not clip.problem for clip in linked)


@pytest.mark.parametrize(
    ("audio", "problem"),
    [
        ("../secret.wav", "lies outside the run's folder"),
        ("/etc/passwd", "lies outside the run's folder"),
        ("notes.txt", "is none of .flac, .wav"),
        ("gone.wav", "is missing"),
    ],
)
def test_only_sound_of_the_runs_own_folder_is_read(run, tmp_path, audio, problem):
    (tmp_path / "secret.wav").write_bytes(b"secret")
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "notes.txt").write_text("notes")
    one = replace(run, rows=(replace(run.rows[0], audio=audio),))
    (clip,) = clips_of(one, inner)
    assert (clip.uri, clip.problem) == ("", problem)
    assert problem in Page(FORMATS["html"](one, inner)).text


def test_a_thousand_cases_make_a_page_of_a_few_megabytes(big_run, folder):
    page = FORMATS["html"](big_run, folder)
    assert page.count('<svg class="strip"') == len(big_run.rows)
    assert len(page) < 8 * 2**20
    assert 'type="search"' in page
