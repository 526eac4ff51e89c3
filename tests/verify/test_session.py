"""Presets and runs are proved; what fails is told with its worst example."""

from __future__ import annotations

import json

import pytest

from rnnlab.config.load import load_config, preset_names
from rnnlab.exceptions import UserError
from rnnlab.registry import CHECKS
from rnnlab.verify.session import chosen_checks, session

CHEAP = ["batching", "padding", "extremes", "reference", "carry", "parameters", "metrics"]


def outcomes(verdict):
    return {check.name: check.passed for check in verdict.checks}


def test_checks_are_numbered_and_say_what_they_are():
    modules = chosen_checks()
    assert [module.NUMBER for module in modules.values()] == list(range(1, 13))
    assert list(modules) == sorted(CHECKS.names, key=lambda name: CHECKS.load(name).NUMBER)
    for module in modules.values():
        assert module.PROVES.endswith(".")
        assert module.ADVICE.endswith(".")
        assert module.TITLE
    with pytest.raises(UserError, match="did you mean 'padding'"):
        chosen_checks(["paddings"])


def test_a_recurrent_classifier_passes_all_twelve(opened):
    verdict = opened.verify_config(load_config("table-gru"), quick=True)
    assert outcomes(verdict) == dict.fromkeys(chosen_checks(), True), verdict
    assert "table is not here: the embedded set stands in for it" in verdict.notes
    for check in verdict.checks:
        assert check.difference is not None
        assert check.tolerance is not None
        assert check.difference <= check.tolerance
        assert check.seconds > 0
    table = verdict.checks[0].exhibits[0]
    assert len(table.rows) == 5
    assert [len({row[i] for i in (1, 2, 3, 4)}) for row in table.rows] == [1] * 5
    json.dumps(verdict.to_dict(), allow_nan=False)


def test_a_language_model_passes_all_twelve(opened):
    verdict = opened.verify_config(load_config("lines", ["data.path=absent.txt"]), quick=True)
    assert outcomes(verdict) == dict.fromkeys(chosen_checks(), True), verdict


@pytest.mark.parametrize("name", ["table-nb", "table-tfidf", "table-majority"])
def test_a_fitted_model_skips_what_it_has_not(opened, name):
    verdict = opened.verify_config(load_config(name), quick=True)
    found = outcomes(verdict)
    skipped = {name for name, passed in found.items() if passed is None}
    assert skipped == {"padding", "reference", "carry", "gradients", "learning"}
    assert verdict.passed
    for check in verdict.checks:
        if check.passed is None:
            assert check.detail.startswith("skipped: it ")


def test_both_directions_attention_and_groups(opened):
    verdict = opened.verify_config(load_config("imdb-b-best"), CHEAP, quick=True)
    assert outcomes(verdict) == {**dict.fromkeys(CHEAP, True), "carry": None}
    attention = opened.verify_config(
        load_config("compositional-bilstm-attention"), ["padding", "reference"], quick=True
    )
    assert attention.passed


def test_equal_presets_share_a_result(opened):
    first = opened.verify_config(load_config("sst5-rnn-random"), ["batching"], quick=True)
    second = opened.verify_config(load_config("sst5-rnn-pretrained"), ["batching"], quick=True)
    assert first.checks[0].shared_with is None
    assert second.checks[0].shared_with == "sst5-rnn-random"
    assert second.checks[0].findings == first.checks[0].findings


def test_what_a_run_has_from_elsewhere_is_left_out(opened):
    elsewhere = ["data.path=absent", "data.extra.path=absent", "model.pretrained=absent"]
    verdict = opened.verify_config(load_config("table-gru", elsewhere), ["determinism"], quick=True)
    assert verdict.passed, verdict
    assert any("the language model to begin with is left out" in note for note in verdict.notes)


def test_a_language_model_of_groups_is_proved_on_lines(opened):
    verdict = opened.verify_config(load_config("imdb-lm"), ["batching", "determinism"], quick=True)
    assert verdict.passed, verdict


def test_quick_counts_parameters_at_full_size(opened):
    verdict = opened.verify_config(load_config("sst5-bilstm-random"), ["parameters"], quick=True)
    assert "8,206,309 parameters" in verdict.checks[0].notes[0]
    lstm = opened.verify_config(load_config("imdb-lstm"), ["parameters"], quick=True)
    assert lstm.checks[0].notes == ("2,618,089 parameters, 2,617,577 by the textbook",)


def test_absent_data_is_an_error_without_quick(opened):
    with pytest.raises(UserError, match=r"its data \(table\) is not here; .* --quick"):
        opened.verify_config(load_config("table-gru"), quick=False)


def test_a_run_is_proved_with_its_own_parameters(opened, gru_run):
    verdict = opened.verify_run(gru_run, quick=False)
    assert outcomes(verdict) == dict.fromkeys(chosen_checks(), True), verdict
    reported = [f.what for f in verdict.checks[-1].findings if "the run's own" in f.what]
    assert "the run's own accuracy, from its predictions" in reported


def test_a_record_that_is_not_that_of_the_predictions_is_found(opened, gru_run, tmp_path):
    import shutil

    copy = tmp_path / "run"
    shutil.copytree(gru_run, copy)
    facts = json.loads((copy / "run.json").read_text())
    facts["val"]["accuracy"] += 0.05
    (copy / "run.json").write_text(json.dumps(facts))
    verdict = opened.verify_run(copy, ["metrics"], quick=False)
    assert not verdict.passed
    assert "the run's own accuracy" in verdict.checks[0].detail


def test_an_unfinished_run_is_refused(opened, gru_run, tmp_path):
    import shutil

    copy = tmp_path / "run"
    shutil.copytree(gru_run, copy)
    facts = json.loads((copy / "run.json").read_text())
    (copy / "run.json").write_text(json.dumps({**facts, "status": "interrupted"}))
    with pytest.raises(UserError, match="not finished"):
        opened.verify_run(copy, quick=False)


def test_a_leak_into_validation_is_found(opened, tmp_path):
    texts = [f"this is text number {n} of a long list of very different texts" for n in range(40)]
    rows = [{"text": text, "label": "ab"[n % 2]} for n, text in enumerate(texts)]
    train, val = tmp_path / "train.jsonl", tmp_path / "val.jsonl"
    train.write_text("\n".join(map(json.dumps, rows)))
    val.write_text("\n".join(map(json.dumps, [*rows[:3], {"text": "quite new", "label": "b"}])))
    overrides = [f"data.path={train}", f"data.validation_path={val}"]
    verdict = opened.verify_config(load_config("table-gru", overrides), ["data"], quick=True)
    (check,) = verdict.checks
    assert check.passed is False
    assert check.difference == 0.75
    assert "share of val that repeats train" in check.detail
    assert "this is text number 0" in check.detail


def test_a_crash_is_a_failure_told_in_a_line(opened, monkeypatch):
    from rnnlab.nn.recurrent import Recurrent

    def crash(*_):
        raise RuntimeError("no\nsuch state")

    monkeypatch.setattr(Recurrent, "forward", crash)
    with session() as one:
        verdict = one.verify_config(load_config("table-gru"), ["batching"], quick=True)
    assert verdict.checks[0].passed is False
    assert verdict.checks[0].detail == "stopped by RuntimeError: no such state"


@pytest.mark.slow
@pytest.mark.parametrize("name", preset_names())
def test_every_preset_passes(opened, name):
    assert opened.verify_config(load_config(name), quick=True).passed
