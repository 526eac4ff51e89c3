"""The pages in Chromium: no error, no request, nothing cut off on a phone or a desk, and a PDF."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from rnnlab.report.page import write_report

from ..synthetic import write_length_study

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
CUT_OFF = """() => [...document.querySelectorAll('body *')].filter(element => {
  const box = element.getBoundingClientRect();
  return box.width && !element.closest('.skip') && !element.closest('svg *')
    && (box.right > innerWidth + 1 || element.scrollWidth > element.clientWidth + 1
        && getComputedStyle(element).overflowX !== 'visible');
}).map(element => element.outerHTML.slice(0, 90))"""


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="no playwright here: the pages are not looked at"
    )
    if CHROMIUM is None:
        pytest.skip("no chromium here: the pages are not looked at")
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    study = write_length_study(tmp_path_factory.mktemp("browser") / "small")
    return [Path(write_report(path).page) for path in (study, study / "runs" / "L200-s0")]


@pytest.mark.parametrize("width", [375, 1440])
def test_nothing_is_wrong_loaded_or_cut_off(browser, pages, width):
    for path in pages:
        page = browser.new_page(viewport={"width": width, "height": 900})
        said: list[str] = []
        asked: list[str] = []
        page.on("console", lambda message, said=said: said.append(message.text))
        page.on("pageerror", lambda error, said=said: said.append(str(error)))
        page.on("request", lambda request, asked=asked: asked.append(request.url))
        page.goto(path.as_uri())
        assert said == []
        assert [url for url in asked if url != path.as_uri() and not url.startswith("data:")] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(CUT_OFF) == []
        assert page.evaluate("document.querySelectorAll('svg path').length") > 10
        page.close()


def test_every_link_is_reached_by_keyboard(browser, pages):
    page = browser.new_page()
    page.goto(pages[0].as_uri())
    wanted = page.evaluate(
        "[...document.querySelectorAll('a, summary')].filter(e => e.checkVisibility()).length"
    )
    reached = set()
    for _ in range(wanted + 20):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate(
                "[...document.querySelectorAll('a, summary')].indexOf(document.activeElement)"
            )
        )
    assert len(reached - {-1}) == wanted
    page.close()


def test_it_prints(browser, pages, tmp_path):
    page = browser.new_page()
    page.goto(pages[0].as_uri())
    page.pdf(path=tmp_path / "report.pdf", format="A4")
    printed = (tmp_path / "report.pdf").read_bytes()
    assert printed.startswith(b"%PDF")
    page.close()
