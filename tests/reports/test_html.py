"""The page: nothing from elsewhere, one script, safe words, every section, the tables' numbers."""

import dataclasses
import itertools
import json
import re
from html import unescape
from html.parser import HTMLParser

import numpy as np
import plotly.graph_objects as go
import pytest
from plotly.offline import get_plotlyjs

from deephedge.core.errors import OutputError, ProblemError
from deephedge.reports import ReportContents, behind, plots, render, tables, write

VOID = {"meta", "br", "link", "img", "input", "hr"}


class Reader(HTMLParser):
    """Tags, their attributes and their text; fails on tags that do not close."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.open, self.text = [], [], {}
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open:
            self.text.setdefault(self.open[-1], []).append(data)


@pytest.fixture(scope="module")
def page(contents):
    return render(contents)


@pytest.fixture(scope="module")
def reader(page):
    return Reader(page.replace(get_plotlyjs(), ""))


def test_nothing_is_loaded_from_elsewhere(reader):
    for tag, attrs in reader.tags:
        assert tag not in {"link", "iframe", "img", "object", "embed", "base"}
        assert not {"src", "href", "srcset", "background", "data", "action"} & set(attrs), (tag, attrs)
        assert "http" not in attrs.get("style", "")
    style = " ".join(reader.text["style"])
    assert "url(" not in style and "@import" not in style
    policy = [attrs["content"] for tag, attrs in reader.tags if attrs.get("http-equiv") == "Content-Security-Policy"]
    assert policy and policy[0].startswith("default-src 'none'")


def test_plotly_is_inside_exactly_once(page):
    assert page.count(get_plotlyjs()) == 1
    assert len(page) < len(get_plotlyjs()) + 400_000


def test_no_script_without_a_picture():
    page = render(ReportContents(title="Only words", verdict="One.\nTwo."))
    assert "<script" not in page and "<p>One.</p><p>Two.</p>" in page


def test_words_are_escaped(page):
    assert "<h1>A call &lt;hedged&gt;</h1>" in page
    assert "Sold &amp; &quot;hedged&quot;" in page
    assert "<script>alert" not in page and "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "No-transaction <band>" not in page and "<band>" not in page


def test_figures_cannot_end_their_script_and_are_valid(page):
    found = re.findall(r'<script type="application/json" id="([a-z0-9-]+)-data">(.*?)</script>', page, flags=re.S)
    assert [name for name, _ in found] == [
        "intervals", "backtest", "histogram", "surface-0", "surface-1", "surface-2", "story", "training",
    ]  # fmt: skip
    for name, data in found:
        assert "<" not in data
        figure = json.loads(re.sub(r'"--(sequential|diverging)"', '"Blues"', data))
        figure = json.loads(re.sub(r'"--[a-z]+(-\d)?"', '"#123456"', json.dumps(figure)))
        assert len(go.Figure(figure).data) > 0, name  # plotly knows every key and value
        assert f'data-chart="{name}-data"' in page


def test_every_colour_is_in_the_style_sheet(page):
    page = page.replace(get_plotlyjs(), "")
    used = set(re.findall(r'"(--[a-z]+(?:-\d)?)"', page)) - {"--font"}
    used |= {f"{name}-{n}" for name in ("--sequential", "--diverging") for n in range(5)}
    used -= {"--sequential", "--diverging"}
    assert {"--ink", "--learned-1", "--reference", "--baseline-1"} <= used
    style = page.split("</style>")[0]
    light, dark, paper = style.split("@media")[0], style.split("@media")[1], style.split("@media print")[1]
    for part in (light, dark, paper):
        assert all(f"{name}:" in part for name in used), used


def test_every_section_is_there_and_tables_hold_the_metrics(page, contents):
    for title in (
        "Results", "Through time", "Terminal wealth", "Where wealth came from", "Calm and crisis",
        "Did forecasts of risk hold?", "What the policies hold", "One path", "Training",
        "On simulated paths", "Simulated and real paths", "What this does not show", "How it was made",
    ):  # fmt: skip
        assert f"<h2>{title}</h2>" in page
    words = unescape(page)
    for build in (tables.results, tables.differences):
        for row in build(contents.comparison, unit=contents.unit, labels=contents.labels).rows:
            for cell in row[1:]:
                assert f">{cell.text}" in words and cell.detail in words


def test_what_is_behind_the_result_is_told(page, contents):
    words = unescape(page)
    assert '<th scope="row">Liability</th><td>−1 × &lt;Call&gt;</td>' in page
    account = behind.explained(contents.explained, unit=contents.unit)
    assert account.columns == ("Policy", "Delta", "Wealth", "St. dev.")  # what is nothing for all is left out
    assert [cell.text for cell in account.rows[0]] == ["band", "10.0", "10.0", "100"]
    crisis = contents.regimes["crisis"]
    cell = behind.regimes(contents.regimes, "cvar", unit=contents.unit).rows[0][2]
    assert cell.text in words and float(cell.text) == pytest.approx(
        1e4 * crisis.estimates["band"]["cvar"].value, rel=0.01
    )
    forecast = behind.forecasts(contents.forecasts, 0.95, unit=contents.unit).rows[0]
    assert [cell.text for cell in forecast[1:]] == ["100", "200", "3 of 40", "0.40", "0.020", "< 0.001"]
    assert [cell.mark for cell in forecast[4:]] == ["", "worse", "worse"]


def test_every_instrument_has_a_panel_of_its_own(contents):
    held = {name: np.arange(15.0).reshape(5, 3) for name in ("band", "delta", "none")}
    told = dataclasses.replace(contents.story, positions=held, instruments=("Spot", "Call & put", "Swap"), quote="SPX")
    figure = plots.story(contents, told)
    layout = figure["layout"]
    assert [note["text"] for note in layout["annotations"]] == ["SPX", "Spot", "Call &amp; put", "Swap"]
    ends = [layout[axis]["domain"] for axis in ("yaxis2", "yaxis", "yaxis3", "yaxis4")]
    assert all(low < high for low, high in ends) and all(a[0] > b[1] for a, b in itertools.pairwise(ends))
    assert layout["xaxis"]["anchor"] == "y4"
    last = [trace for trace in figure["data"] if trace.get("meta") == "band"][-1]
    assert last["yaxis"] == "y4" and last["y"] == [2, 5, 8, 11, 14, 14]
    assert {trace["meta"] for trace in figure["data"] if trace.get("visible") is False} == {"none"}


def test_the_metric_of_the_verdict_is_the_one_that_is_drawn(contents):
    page = render(dataclasses.replace(contents, metric="std"))
    gap = contents.comparison.differences["band"]["std"].value * contents.unit.factor
    figure = plots.intervals(dataclasses.replace(contents, metric="std"), contents.comparison)
    assert next(one["x"] for one in figure["data"] if one["meta"] == "band") == [pytest.approx(gap)]
    assert "Standard deviation less that of" in page


def test_sections_can_be_left_out(contents):
    simulated = dataclasses.replace(
        contents, comparison=None, dates=None, story=None, surface=None, agreement=(), training={}, wealth={},
        explained={}, regimes={}, forecasts={},
    )  # fmt: skip
    page = render(simulated)
    assert "<h2>On simulated paths</h2>" in page
    assert all(f"<h2>{title}</h2>" not in page for title in ("Results", "Through time", "One path", "Training"))
    Reader(page)
    Reader(render(dataclasses.replace(contents, learned=())))


def test_same_contents_same_page(contents, page):
    assert render(contents) == page


def test_worst_windows_do_not_overlap():
    wealth = np.random.default_rng(0).normal(size=500)
    found = plots.worst_windows(wealth, apart=21, most=6)
    assert found[0] == np.argmin(wealth) and len(found) == 6
    assert np.diff(sorted(found)).min() >= 21
    assert (np.diff(wealth[found]) >= 0).all()


def test_write(tmp_path, contents, page):
    path = write(contents, tmp_path / "new" / "report.html")
    assert path.read_text(encoding="utf-8") == page
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="choose another place"):
        write(contents, tmp_path / "file" / "report.html")


def test_contents_that_do_not_fit_are_named(contents):
    with pytest.raises(ProblemError, match="200 dates"):
        dataclasses.replace(contents, wealth={"band": np.zeros(3)})
    with pytest.raises(ProblemError, match=r"\['bnd'\].*did you mean 'band'"):
        dataclasses.replace(contents, learned=("bnd",))
