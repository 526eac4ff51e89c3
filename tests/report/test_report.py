"""Pages of runs and studies: what they say, what they link to, and that data never becomes
markup."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest

from rnnlab.exceptions import UserError
from rnnlab.files import append_line, read_json, write_json
from rnnlab.plots.series import Series, draw_levels, draw_series
from rnnlab.report.page import write_report
from rnnlab.report.study_page import study_context
from rnnlab.train.rundir import LEDGER

from ..synthetic import (
    answers,
    done,
    level,
    write_length_study,
    write_run,
    write_stream_run,
    write_study,
)

MARKUP = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</title><script>1</script>",
    "</style><script>1</script>",
    '"><b>x</b>',
    "'><i>x</i>",
    '" onmouseover="alert(1)',
    "' autofocus onfocus='alert(1)",
    "<svg onload=alert(1)>",
    "</svg><script>1</script>",
    "<iframe src=javascript:alert(1)>",
    "<a href=javascript:alert(1)>x</a>",
    "javascript:alert(1)",
    "<!-- x",
    "]]><x>",
    "<![CDATA[<b>]]>",
    "&lt;b&gt;&amp;",
    "{{ 7 * 7 }}{% raw %}",
    "$\\frac{1}{0}$ $",
    "<style>*{display:none}</style>",
]


class Reader(HTMLParser):
    """Collects what a page consists of."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.words: list[str] = []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))

    def values(self, name: str) -> list[str]:
        return [value or "" for _, key, value in self.attributes if key == name]


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = write_length_study(tmp_path_factory.mktemp("report") / "small", size=1500)
    run = folder / "runs" / "L200-s0"
    test = {"time": "2026-11-28T03:00:00Z", "split": "test", "accuracy": 0.9, "macro_f1": 0.89}
    append_line(run / "evaluations.jsonl", json.dumps(test))
    ledger = {"time": "2026-11-28T03:00:00Z", "data": "imdb", "run": run.name, "hash": "x"}
    append_line(folder / "runs" / LEDGER, json.dumps({**ledger, "accuracy": 0.9, "macro_f1": 0.89}))
    write_json(
        run / "verify.json",
        {
            "passed": True,
            "checks": [
                {"name": "alone", "passed": True, "difference": 1e-7, "tolerance": 1e-5,
                 "detail": "batched equals single"}
            ],
        },
    )  # fmt: skip
    bands = [
        {"label": "1 to 100", "texts": 40, "accuracy": 0.9, "interval": [0.8, 0.95]},
        {"label": "100 to 200", "texts": 60, "accuracy": 0.85, "interval": [0.75, 0.92]},
    ]
    contrast = {
        **{"name": "contrast", "present": {"texts": 1200}, "absent": {"texts": 80}},
        **{"difference": -0.04, "difference_interval": [-0.06, -0.02]},
    }
    counts = {"both_right": 70, "both_err": 9, "only_first_errs": 12, "only_second_errs": 9}
    write_json(
        run / "analysis.json",
        {
            **{"split": "val", "accuracy": 0.9, "macro_f1": 0.9, "lengths": {"bands": bands}},
            **{"slices": [contrast], "comparison": {"run": "runs/other-s0", "counts": counts}},
        },
    )
    (run / "analysis.html").write_text("<!doctype html>")
    return folder


@pytest.fixture(scope="module")
def study_page(study):
    return Reader(Path(write_report(study).page))


@pytest.fixture(scope="module")
def run_page(study):
    return Reader(Path(write_report(study / "runs" / "L200-s0").page))


def test_a_study_says_its_verdicts_in_words(study_page):
    text = study_page.text
    assert "Length: 200 better than 100; 50 worse than 100." in text
    assert "200 is better than 100: +1" in text
    assert "seed 2 diverged: gradient is not finite at step 7" in text
    assert "None is drawn from test" in text
    assert "Compared with 100 (the base) on 1,500 texts" in text


def test_reported_stands_beside_measured_with_both_protocols(study_page, study):
    text = study_page.text
    runs = [read_json(study / "runs" / f"L100-s{seed}" / "run.json") for seed in range(3)]
    mean = sum(run["val"]["accuracy"] for run in runs) / 3
    assert f"accuracy .81 {mean:.4f}".replace(" 0.", " .") in text
    assert "Reported: on test, one seed." in text
    assert "Measured: validation, mean of 3 seeds, best epoch chosen on it." in text
    assert "neither column is said to beat the other" in text


def test_test_figures_and_the_ledger(study_page, run_page):
    assert "Each once." in study_page.text
    assert "accuracy .9000, macro F1 .8900" in study_page.text
    assert "Test ledger, 1 entries" in study_page.text
    assert "Scored on test 1 time ." in run_page.text.replace("time.", "time .")


def test_environment_command_and_data(study_page, run_page):
    for page in (study_page, run_page):
        assert "torch 2.13.0" in page.text
        assert "SHA-256 " + "d" * 64 in page.text
    assert "/small/study.yaml --out " in study_page.text
    assert "rnnlab train " in run_page.text


def test_proofs_analysis_and_lengths_are_there(run_page):
    assert "All checks passed." in run_page.text
    assert "batched equals single" in run_page.text
    assert "1 to 100 (40)" in run_page.text
    assert any("analysis.html" in link for link in run_page.values("href"))
    assert "contrast 1,200 80 -0.0400 -0.0600 to -0.0200" in " ".join(run_page.text.split())
    assert "Beside other-s0: both are right on 70 texts" in " ".join(run_page.text.split())


def test_every_figure_links_to_its_runs_and_files(study, study_page):
    links = [unquote(link) for link in study_page.values("href") if not link.startswith("#")]
    files = [link for link in links if not link.startswith("data:")]
    assert {"./runs/L50-s0", "plots/1-length.png", "plots/1-length.svg"} <= set(files)
    for link in files:
        assert (study / link).exists(), link
    page = (study / "report.html").read_text(encoding="utf-8")
    for figure in re.findall(r"<figure>.*?</figure>", page, flags=re.DOTALL):
        assert "runs/L" in figure


def test_figures_have_names_words_and_ids_of_their_own(study_page):
    ids = study_page.values("id")
    assert len(ids) == len(set(ids))
    for value in study_page.values("aria-labelledby"):
        assert set(value.split()) <= set(ids)
    assert study_page.tags.count("svg") == study_page.tags.count("desc") >= 6
    assert "over data.max_tokens. accuracy: 50: 0." in study_page.text


def test_headings_do_not_skip_a_level(study_page, run_page):
    for page in (study_page, run_page):
        depths = [int(tag[1]) for tag in page.tags if re.fullmatch("h[1-6]", tag)]
        assert depths[0] == 1
        assert depths.count(1) == 1
        assert all(b - a <= 1 for a, b in itertools.pairwise(depths))


def test_the_policy_allows_this_style_sheet_alone(study, study_page):
    page = (study / "report.html").read_text(encoding="utf-8")
    (policy,) = [v for v in study_page.values("content") if v.startswith("default-src")]
    (sheet,) = re.findall(r"<style>(.*?)</style>", page, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(sheet.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not study_page.values("style")
    assert "script" not in study_page.tags
    assert not re.search(r"https?://(?!www\.w3\.org)", page)


def test_the_same_run_gives_the_same_bytes(study):
    run = study / "runs" / "L200-s0"
    write_report(run)
    first = [(run / name).read_bytes() for name in ("report.html", "plots/confusion.png")]
    write_report(run)
    again = [(run / name).read_bytes() for name in ("report.html", "plots/confusion.png")]
    assert again == first


def test_plots_are_pictures_and_documents(study):
    png = study / "plots" / "1-length.png"
    assert png.read_bytes().startswith(b"\x89PNG")
    root = ElementTree.fromstring((study / "plots" / "1-length.svg").read_text(encoding="utf-8"))
    assert root.tag.endswith("svg")


def test_lines_are_told_apart_without_colour():
    series = [Series(name, [1, 2], [0.1 * number, 0.2]) for number, name in enumerate("abcdef")]
    svg = draw_series("x", "x", series, x="x", y="y").svg
    assert len(set(re.findall(r"stroke-dasharray: ([\d., ]+)", svg))) >= 5


def test_data_never_becomes_markup(tmp_path, study_page, run_page):
    """Labels, level labels, names, reasons, notes and titles of 20 kinds."""
    folder = tmp_path / "marked"
    levels = []
    for number, text in enumerate(MARKUP):
        run = f"r{number}"
        write_run(
            folder / "runs" / run,
            answers(60, 0.8, number, (text, "other")),
            name=text,
            settings={"number": number},
            facts={"kernel": text, "machine": {"system": text}, "versions": {text: text}},
        )
        failed = {"seed": 1, "run": None, "status": "failed", "reason": text}
        levels.append(
            level(
                text,
                [done(0, run), failed],
                is_base=number == 0,
                value=text,
                reported={"figures": {"accuracy": 0.5, text: 1.0}, "note": text},
            )
        )
    group = {"name": MARKUP[0], "title": MARKUP[1], "factor": MARKUP[2], "numeric": False}
    write_study(
        folder,
        [{**group, "levels": levels}],
        name=MARKUP[3],
        description=MARKUP[4],
        base=MARKUP[5],
        changed={"overrides": {MARKUP[6]: MARKUP[7]}, "only": [MARKUP[8]], "limit": None},
    )
    for half in (0, 1):  # as labels of one run
        part = answers(200, 0.8, half, tuple(MARKUP[half::2]))
        write_run(folder / "runs" / f"labels{half}", part, name=MARKUP[half])
    pages = [write_report(folder)] + [
        write_report(folder / "runs" / name) for name in ("labels0", "labels1", "r0")
    ]
    known = {*study_page.tags, *run_page.tags, "br", "strong"}
    for written in pages:
        reader = Reader(Path(written.page))
        assert set(reader.tags) <= known, written.page
        assert not [name for _, name, _ in reader.attributes if name.startswith("on")]
        assert not reader.values("style")
        assert not reader.values("src")
        assert not [link for link in reader.values("href") if ":" in link.partition("/")[0][5:]]
    text = re.sub(r"\s+", " ", Reader(Path(pages[0].page)).text)
    for item in MARKUP:
        assert re.sub(r"\s+", " ", item) in text, item


@pytest.mark.parametrize("text", MARKUP)
def test_text_in_a_figure_stays_text(text):
    plot = draw_levels("name", text, [text], [Series(text, [0], [0.5])], x=text)
    root = ElementTree.fromstring(plot.inline())
    tags = {element.tag for element in root.iter()}
    assert tags <= {
        *("svg", "title", "desc", "defs", "g", "path", "text", "use", "clipPath", "rect")
    }
    assert text[:20] in "".join(root.itertext())


def test_a_language_model_and_a_linear_model(tmp_path):
    stream = write_stream_run(tmp_path / "lm", 4.6, seed=0, name="lm")
    page = Reader(Path(write_report(stream).page))
    assert "Perplexity 99.48 on 1,000 tokens" in page.text
    linear = write_run(tmp_path / "nb", answers(80, 0.7, 1), epochs=0)
    page = Reader(Path(write_report(linear).page))
    assert "Learning curves" not in page.text
    assert "The test part has not been looked at." in page.text


def test_a_study_of_language_models(tmp_path):
    levels = []
    for name, loss in (("lstm", 4.7), ("gru", 4.5)):
        runs = []
        for seed in range(3):
            write_stream_run(
                tmp_path / "runs" / f"{name}-s{seed}", loss + seed / 500, seed=seed, name=name
            )
            runs.append(done(seed, f"{name}-s{seed}"))
        levels.append(level(name, runs, is_base=name == "lstm"))
    group = {"name": "cell", "title": "Cell", "factor": None, "numeric": False, "levels": levels}
    write_study(tmp_path, [group], metric="perplexity", higher_is_better=False)
    page = Reader(Path(write_report(tmp_path).page))
    assert "Cell: gru better than lstm." in page.text
    assert "nats a token" in page.text


def test_two_groups_over_one_number_have_a_ratio_of_times(tmp_path):
    groups = []
    for name, seconds in (("mean", 5.0), ("lstm", 15.0)):
        levels = []
        for batch in (16, 128):
            run = write_run(
                tmp_path / "runs" / f"{name}-{batch}",
                answers(100, 0.8, batch),
                settings={"name": name, "batch": batch},
            )
            (run / "timings.csv").write_text(
                f"epoch,seconds,train_seconds,tokens_per_second\n1,{seconds},{seconds},1\n"
            )
            levels.append(level(str(batch), [done(0, run.name)], value=batch))
        groups.append(
            {
                "name": name,
                "title": name,
                "factor": "train.batch_size",
                "numeric": True,
                "levels": levels,
            }
        )
    page = Reader(Path(write_report(write_study(tmp_path, groups)).page))
    assert "Ratio of times by train.batch_size" in page.text
    assert "lstm / mean over train.batch_size. ratio: 16: 3, 128: 3." in page.text


def test_every_reported_figure_that_is_measured_stands_beside_it(tmp_path):
    """Figures of the end of training, of test, of time and of ranges, and one that nothing has."""
    reported = {
        "accuracy": 0.8,
        "train_accuracy": 0.99,
        "last_val_loss": 1.5,
        "test_macro_f1": 0.7,
        "best_epoch": 2,
        "epoch_seconds": 4.25,
        "seconds": 420,
        "parameters": 5628133,
        "macro_f1_high": 0.837,
        "elegance": 3.0,
    }
    runs = []
    for seed in range(2):
        run = write_run(tmp_path / "runs" / f"a-s{seed}", answers(200, 0.8, seed), seed=seed)
        line = {"time": "2026-11-28T03:00:00Z", "split": "test"}
        figures = {"accuracy": 0.7 + seed / 10, "macro_f1": 0.6 + seed / 10}
        append_line(run / "evaluations.jsonl", json.dumps(line | figures))
        runs.append(done(seed, run.name))
    levels = [level("a", runs, reported={"figures": reported, "note": "theirs"})]
    group = {"name": "g", "title": "G", "factor": None, "numeric": False, "levels": levels}
    context = study_context(write_study(tmp_path, [group]))
    (found,) = context["reported"]
    assert found.has_test
    facts = [read_json(tmp_path / "runs" / f"a-s{seed}" / "run.json") for seed in range(2)]
    accuracy = sum(item["val"]["accuracy"] for item in facts) / 2
    highest = max(item["val"]["macro_f1"] for item in facts)
    (measured,) = found.levels
    assert {item.title: (item.reported, item.measured, item.test) for item in measured.figures} == {
        "accuracy": (".80", f"{accuracy:.4f}"[1:], ".7500"),
        "train accuracy": (".99", ".9300", ""),
        "last val loss": ("1.5", "0.2333", ""),
        "test macro F1": (".70", ".6500", ""),
        "best epoch": ("2", "3", ""),
        "seconds an epoch": ("4.25", "18.5", ""),
        "seconds of training": ("420", "580.5", ""),
        "parameters": ("5,628,133", "123,456", ""),
        "macro F1, highest": (".837", f"{highest:.4f}"[1:], ""),
        "elegance": ("3", "not measured", ""),
    }


def test_a_pass_that_departs_from_the_study_says_so_and_how_to_repeat_it(tmp_path):
    changed = {
        "overrides": {"seeds": [0], "train.patience": None, "train.epochs": 1},
        "only": ["model"],
        "limit": 2000,
    }
    for name in ("quickstart", "mine"):
        folder = write_length_study(tmp_path / name)
        results = read_json(folder / "results.json")
        write_json(folder / "results.json", {**results, "study": name, "changed": changed})
        text = Reader(Path(write_report(folder).page)).text
        assert (
            "Not the study as its file has it: seeds=[0]; train.patience=null; train.epochs=1; "
            "only model; at most about 2,000 training texts."
        ) in text
        if name == "quickstart":  # shipped: by its name
            command = (
                "rnnlab study quickstart 'seeds=[0]' train.patience=null train.epochs=1 "
                "--only model --limit 2000"
            )
        else:
            command = f"rnnlab study {folder}/study.yaml --out {folder}-again --only model"
        assert command in text


def test_a_language_model_that_has_not_learned_is_said_not_to_have(tmp_path):
    run = write_stream_run(tmp_path / "lm", 19.5, seed=0, name="lm")
    page = Reader(Path(write_report(run).page))
    assert "Perplexity 2.9e+08 on 1,000 tokens" in page.text
    assert "worse than giving each of its 100 words the same probability (100.00)" in page.text
    good = write_stream_run(tmp_path / "good", 4.6, seed=0, name="good")
    assert "has not learned" not in Reader(Path(write_report(good).page)).text


def test_what_others_leave_is_shown_for_each_run_of_a_study(tmp_path):
    folder = write_length_study(tmp_path / "small")
    band = {"label": "1 to 100", "texts": 40, "accuracy": 0.9, "interval": [0.8, 0.95]}
    for seed in range(2):
        run = folder / "runs" / f"L200-s{seed}"
        write_json(run / "analysis.json", {"split": "val", "lengths": {"bands": [band]}})
        write_json(run / "verify.json", {"passed": False, "checks": []})
    written = write_report(folder)
    page = Reader(Path(written.page))
    places = [page.text.rindex(title) for title in ("Proofs", "Analysis", "How it was made")]
    assert places == sorted(places)
    assert page.text.count("Not all checks passed.") == 2
    names = [Path(plot).name for plot in written.plots]
    assert {"l200-s0-length.png", "l200-s1-length.svg"} <= set(names)
    assert len(names) == len(set(names))
    ids = page.values("id")
    assert len(ids) == len(set(ids))


def test_bad_input(tmp_path, study):
    with pytest.raises(UserError, match=r"neither a run \(run.json\) nor a study"):
        write_report(tmp_path)
    run = write_run(tmp_path / "run", answers(50, 0.8, 1))
    write_json(run / "run.json", {**read_json(run / "run.json"), "status": "running"})
    with pytest.raises(UserError, match="is not finished"):
        write_report(run)
    whole = write_run(tmp_path / "whole", answers(50, 0.8, 1))
    (whole / "evaluations.jsonl").write_text("{")
    with pytest.raises(UserError, match=r"evaluations.jsonl: damaged"):
        write_report(whole)
    other = write_run(tmp_path / "other", answers(50, 0.8, 1))
    (other / "verify.json").write_text("[")
    with pytest.raises(UserError, match=r"verify.json: damaged"):
        write_report(other)


def test_reports_never_import_torch(study):
    script = (
        "import sys\nfrom pathlib import Path\nimport rnnlab.report.study_page\n"
        "from rnnlab.report.page import write_report\n"
        "write_report(Path(sys.argv[1]))\nassert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script, str(study / "runs" / "L50-s0")], check=True)
