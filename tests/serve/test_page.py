"""The page in a browser: a text, why, a table, markup that stays text, by keyboard, on a phone."""

from __future__ import annotations

import contextlib
import csv
import io
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from .helpers import serving, train

sync_api = pytest.importorskip("playwright.sync_api")

MARKUP = [
    "<script>window.hit = 1</script>",
    "<img src=x onerror='window.hit=1'>",
    "<svg onload=window.hit=1>",
    "<b>bold</b> <i>film</i>",
    '"><script>window.hit=1</script>',
    "'><img src=x onerror=window.hit=1>",
    "<iframe src='javascript:parent.hit=1'></iframe>",
    "<a href='javascript:window.hit=1'>film</a>",
    "</textarea><script>window.hit=1</script>",
    "</span></p><h1>film</h1>",
    "<!-- film -->",
    "<style>body { display: none }</style>",
    "&lt;script&gt; &amp; &#60;b&#62;",
    "{{ 7 * 7 }} ${7 * 7} <%= 7 %>",
    "<details open ontoggle=window.hit=1>film",
    "<math><mtext><img src=x onerror=window.hit=1></mtext></math>",
    "<input autofocus onfocus=window.hit=1>",
    "javascript:window.hit=1",
    "<template><script>window.hit=1</script></template>",
    "the film\u202e was <b onmouseover=window.hit=1>great</b> 😀 \u0000",
]


@pytest.fixture(scope="module")
def browser():
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium here")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield started
        started.close()


@contextlib.contextmanager
def watched(browser, url: str, ready: str) -> Iterator[Any]:
    """A page that was asked for, whose console must stay silent and whose requests stay here.

    Args:
        browser: that shows it.
        url: of the server.
        ready: selects what shows that it can be used.
    """
    context = browser.new_context(viewport={"width": 1000, "height": 800})
    opened = context.new_page()
    complaints: list[str] = []
    asked: list[str] = []
    opened.on("console", lambda message: complaints.append(message.text))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto(url)
    opened.wait_for_selector(ready)
    yield opened
    assert complaints == []
    assert all(each.startswith((url, "blob:")) for each in asked)
    assert opened.evaluate("window.hit") is None
    context.close()


@pytest.fixture
def page(browser, server):
    with watched(browser, server.url, "#classifier") as opened:
        yield opened


def verdict(page) -> str:
    page.wait_for_selector("#answer:not(.busy)")
    return page.text_content("#label")


def test_a_text_typed_gets_its_verdict_bars_and_coloured_words(page, server):
    text = "few people agree that the pacing was awful , 😀 but moving"
    page.keyboard.type(text)  # the field has the focus
    page.keyboard.press("Control+Enter")
    label = verdict(page)
    (expected,) = server.predict(text)
    assert label == expected["label"]
    shown = dict(
        zip(
            *(page.locator(f"#bars li > span:nth-child({n})").all_text_contents() for n in (1, 2)),
            strict=True,
        )
    )
    assert shown == {k: f"{100 * v:.1f} %" for k, v in expected["probabilities"].items()}
    page.wait_for_selector("#words:not(.busy) span")
    assert page.text_content("#words") == text
    colours = page.eval_on_selector_all(
        "#words span", "all => all.map(e => e.style.backgroundColor)"
    )
    assert len({colour for colour in colours if colour}) > 1
    facts = server.client.post("/explain", json={"text": text}).json()
    rows = page.locator("#rows tr").all_text_contents()
    assert len(rows) == len(facts["pieces"])


def test_markup_stays_text(page):
    for text in MARKUP:
        page.fill("#text", f"{text} film")
        page.click("#read")
        verdict(page)
        page.wait_for_selector("#words:not(.busy) span")
        field = page.input_value("#text")
        assert page.text_content("#words") == field
        inside = page.eval_on_selector(
            "#words", "e => [...e.querySelectorAll('*')].map(x => x.tagName)"
        )
        assert set(inside) <= {"SPAN"}
    assert len(MARKUP) == 20


def test_an_error_to_try(page, server):
    page.wait_for_selector("#examples button")
    first = server.client.get("/examples").json()["examples"][0]
    page.click("#examples button")
    assert page.input_value("#text") == first["text"]
    assert verdict(page) == first["predicted"]


def test_a_table_comes_back_with_progress(page, tmp_path):
    table = tmp_path / "mine.csv"
    rows = [["id", "opinion"], *([str(n), f'<b>the film, "{n}"\nwas great'] for n in range(300))]
    with table.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    page.set_input_files("#file", table)
    page.wait_for_selector("#columns:not([hidden])")
    page.select_option("#column", "opinion")
    page.focus("#score")
    page.keyboard.press("Enter")
    page.wait_for_selector("#download:not([hidden])")
    assert page.text_content("#count") == "300 of 300 rows"
    with page.expect_download() as waiting:
        page.click("#download")
    assert waiting.value.suggested_filename == "mine-labelled.csv"
    text = waiting.value.path().read_text(encoding="utf-8")
    labelled = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [[row["id"], row["opinion"]] for row in labelled] == rows[1:]
    assert {row["label"] for row in labelled} <= {"negative", "positive"}


@pytest.mark.parametrize("width", [320, 375, 768, 1440])
def test_nothing_is_wider_than_the_screen(page, width):
    page.set_viewport_size({"width": width, "height": 700})
    page.fill("#text", "w" * 300 + " was great")
    page.click("#read")
    verdict(page)
    page.wait_for_selector("#words:not(.busy)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_language_model_goes_on(browser, tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("the cat sees the dog\nthe dog runs\n" * 40)
    small = ("threads=1", "model.embedding.dim=6", "model.encoder.hidden=6", "train.epochs=1")
    stream = (f"data.path={text}", "train.batch_size=4", "train.stream.window=6")
    run = train(tmp_path / "writer", "lines", *small, *stream)
    with serving(run, tmp_path / "errors") as server:
        body = {"prompt": "the cat", "seed": 3, "count": 2, "tokens": 5}
        first, second = (server.client.post("/complete", json=body).json() for _ in range(2))
        assert first == second
        assert len(first["continuations"]) == 2
        for wrong in ({"prompt": "a", "tokens": 0}, {"prompt": "a", "temperature": -1}, {}):
            assert server.client.post("/complete", json=wrong).status_code == 422
        for path in ("/predict", "/explain"):
            assert server.client.post(path, json={"text": "a"}).status_code == 501
        with watched(browser, server.url, "#writer") as opened:
            for prompt in MARKUP:
                opened.fill("#prompt", f"{prompt} the cat")
                shown = opened.input_value("#prompt")
                opened.keyboard.press("Control+Enter")
                opened.wait_for_selector("#write:not([disabled])")
                texts = opened.locator("#continuations li").all_text_contents()
                assert len(texts) == 4
                assert all(text.startswith(f"{shown} ") for text in texts)
                inside = opened.eval_on_selector_all(
                    "#continuations li *", "all => all.map(e => e.tagName)"
                )
                assert set(inside) == {"SPAN"}
            assert "Unknown to the model: " in opened.text_content("#unknown")
            opened.set_viewport_size({"width": 320, "height": 700})
            assert opened.evaluate("document.documentElement.scrollWidth") <= 320
