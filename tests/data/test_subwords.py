"""Subwords: what is learned, from which texts, and what becomes of characters that are unknown."""

from __future__ import annotations

import io
import json
import random
import subprocess
import sys
import unicodedata

import pytest

from rnnlab import compose
from rnnlab.config.load import load_config
from rnnlab.data.tokenizers import subwords
from rnnlab.data.vocabulary import UNKNOWN
from rnnlab.exceptions import UserError

sentencepiece = pytest.importorskip("sentencepiece")

STEMS = ("walk", "talk", "play", "film", "great", "bore", "watch", "act")
ENDINGS = ("", "s", "ed", "ing", "er", "able")


def make_texts(count: int = 200, seed: int = 0) -> list[str]:
    chance = random.Random(seed)
    return [
        " ".join(chance.choice(STEMS) + chance.choice(ENDINGS) for _ in range(12)) + "."
        for _ in range(count)
    ]


def learned(texts: list[str], **options):
    chosen = subwords.Options(**{"size": 60, **options})
    return chosen, subwords.learn(chosen, texts)


def tokenizer(texts: list[str], **options):
    return subwords.build(*learned(texts, **options))


def pieces(model: bytes) -> list[str]:
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    return [processor.id_to_piece(number) for number in range(processor.get_piece_size())]


@pytest.mark.parametrize("method", ["bpe", "unigram"])
def test_it_is_sentencepiece_called_directly(method):
    texts = make_texts()
    chosen, model = learned(texts, method=method)
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    tokenize = subwords.build(chosen, model)
    for text in make_texts(20, seed=9):
        assert tokenize(text) == processor.encode(text, out_type=str)


def test_byte_pairs_are_those_of_the_whole_texts():
    texts = make_texts()
    direct = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts),
        model_writer=direct,
        model_type="bpe",
        vocab_size=60,
        bos_id=-1,
        eos_id=-1,
        minloglevel=2,
    )
    assert pieces(learned(texts)[1]) == pieces(direct.getvalue())


def test_frequent_words_are_whole_and_rare_ones_in_pieces():
    tokenize = tokenizer(make_texts(), size=100)
    assert tokenize("walk WALK") == ["▁walk", "▁walk"]
    parts = tokenize("walkfilmer")
    assert len(parts) > 1
    assert "".join(parts) == "▁walkfilmer"
    assert len(pieces(learned(make_texts(), size=100)[1])) <= 100


@pytest.mark.parametrize("method", ["bpe", "unigram"])
def test_the_same_texts_give_the_same_bytes_in_any_process(method):
    script = (
        "import hashlib, json, sys\n"
        "from rnnlab.data.tokenizers import subwords\n"
        f"options = subwords.Options(method={method!r}, size=60)\n"
        "print(hashlib.sha256(subwords.learn(options, json.load(sys.stdin))).hexdigest())\n"
    )
    hashes = {
        subprocess.run(
            [sys.executable, "-c", script],
            input=json.dumps(make_texts()),
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(hashes) == 1


def test_options_change_what_is_learned():
    texts = ["GOOD good<br />BAD"] * 30
    base = learned(texts, size=20)[1]
    for change in ({"method": "unigram"}, {"lowercase": False}, {"html_breaks": False}):
        assert learned(texts, **{"size": 20, **change})[1] != base
    assert tokenizer(texts, size=20)("GOOD<br>bad") == tokenizer(texts, size=20)("good bad")
    assert "▁GOOD" in tokenizer(texts, size=20, lowercase=False)("GOOD")


@pytest.mark.parametrize("method", ["bpe", "unigram"])
def test_unknown_characters_are_one_unknown_token_a_word(method):
    tokenize = tokenizer(make_texts(), method=method)
    assert tokenize("日本語のテキスト。") == ["<unk>"]
    assert tokenize("日本 語") == ["<unk>", "<unk>"]
    assert tokenize("😀😀 film") == ["<unk>", *tokenize("film")]
    assert tokenize("film😀") == [*tokenize("film"), "<unk>"]
    assert tokenize("<unk>")[-1] == "<unk>"
    assert tokenize(" \n") == []
    assert tokenize("x" * 10) == ["<unk>"]


def test_forms_of_one_character_are_one():
    texts = ["café déjà vu"] * 50
    tokenize = tokenizer(texts, size=30)
    for form in ("NFC", "NFD"):
        assert tokenize(unicodedata.normalize(form, texts[0])) == tokenize(texts[0])
    assert "<unk>" not in tokenize(texts[0])


def test_words_without_end_teach_nothing_and_do_no_harm():
    texts = make_texts()
    plain = learned(texts)[1]
    assert learned([*texts, "q" * 100_000, "▅" * 300])[1] == plain
    assert len(tokenizer(texts)("ab" * 100_000)) > 0


@pytest.mark.parametrize(
    ("texts", "options", "part"),
    [
        ([], {}, "have no words"),
        (["", " \n"], {}, "have no words"),
        (["abcdefghijklmnopqrstuvwxyz"] * 9, {"size": 10}, "data.tokenizer.size=10: "),
        (
            ["abcdef"] * 9,
            {"size": 3, "method": "unigram"},
            "larger size (their characters alone need 8 pieces)",
        ),
    ],
)
def test_what_cannot_be_learned_from_is_refused(texts, options, part):
    with pytest.raises(UserError) as refused:
        learned(texts, **options)
    assert part in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_text_of_few_words_gives_fewer_pieces():
    assert 2 < len(pieces(learned(["a b c ab"] * 5, size=5000)[1])) < 20


@pytest.mark.parametrize("garbage", [b"", b"garbage", b"\x0a\xff\xff\xff\xff"])
def test_something_else_is_no_model(garbage):
    with pytest.raises(ValueError, match="not a model of SentencePiece"):
        subwords.build(subwords.Options(), garbage)


@pytest.fixture
def opened(tmp_path, monkeypatch):
    """Open a table of texts: opened(train, validation) -> (config, dataset)."""
    monkeypatch.setenv("RNNLAB_CACHE", str(tmp_path / "cache"))

    def run(train, validation=None, *overrides):
        settings = ["data.tokenizer=subwords", "data.tokenizer.size=60", *overrides]
        for name, texts in (("path", train), ("validation_path", validation)):
            if texts is not None:
                path = tmp_path / f"{name}.jsonl"
                rows = [{"text": text, "label": n % 2} for n, text in enumerate(texts)]
                path.write_text("".join(json.dumps(row) + "\n" for row in rows))
                settings.append(f"data.{name}={path}")
        config = load_config("table", settings)
        return config, compose.dataset_of(config)

    return run


def test_the_training_part_alone_teaches(opened):
    texts = make_texts()
    config, dataset = opened(texts, ["zebra xylophone"] * 50)
    assert dataset.learned == subwords.learn(config.data.tokenizer.options, texts)
    assert dataset.learned == opened(texts, ["quite another text"] * 9)[1].learned
    assert dataset.learned != opened(["zebra walks", *texts[1:]], ["x"] * 2)[1].learned


def test_the_part_that_is_cut_off_for_validation_teaches_nothing(opened):
    texts = make_texts()
    _, dataset = opened(texts)
    held_out = set(dataset.rows("val").tolist())
    changed = ["zebra" if row in held_out else text for row, text in enumerate(texts)]
    _, other = opened(changed)
    assert other.rows("val").tolist() == dataset.rows("val").tolist()
    assert other.learned == dataset.learned
    assert opened(texts, None, "data.validation.seed=5")[1].learned != dataset.learned


def test_training_and_new_texts_are_read_alike(opened):
    config, dataset = opened(make_texts())
    prepared = compose.prepare(config, dataset)
    read = prepared.reader.read(dataset.texts("train").texts(prepared.val.rows))
    assert read.ragged.tokens.tolist() == prepared.val_texts.ragged.tokens.tolist()
    assert read.facts() == prepared.val_texts.facts()
    assert prepared.train_texts.facts()["coverage"] == 1
    assert "▁walk" in prepared.reader.vocabulary.words


def test_text_of_another_language_is_unknown_and_it_is_said(opened, caplog):
    config, dataset = opened(make_texts(), ["日本語のテキスト。とても良い", "😀 🎬"])
    prepared = compose.prepare(config, dataset)
    assert set(prepared.val_texts.ragged.tokens.tolist()) == {UNKNOWN}
    assert prepared.val_texts.facts()["coverage"] == 0
    assert "100 % of the tokens of 'val' are unknown" in caplog.text
    caplog.clear()
    compose.prepare(*opened(make_texts(), make_texts(9, seed=3)))
    assert "unknown" not in caplog.text


def test_other_pieces_are_other_tokens_in_the_cache(opened, tmp_path):
    texts = make_texts()
    first = compose.prepare(*opened(texts))
    second = compose.prepare(*opened(texts, None, "data.validation.seed=5"))
    folders = [path for path in (tmp_path / "cache" / "tokens").iterdir() if path.is_dir()]
    assert len(folders) == 2
    assert first.reader.learned != second.reader.learned
