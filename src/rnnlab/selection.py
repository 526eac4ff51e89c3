"""By what measure the best epoch is chosen, what a task cannot follow, and what the user should
know of the labels."""

from __future__ import annotations

import numpy as np

from rnnlab.config.schema import Config
from rnnlab.data.balance import shown_label, shown_labels
from rnnlab.data.dataset import Dataset, TokenSplit
from rnnlab.data.memory import MemoryDataset
from rnnlab.exceptions import UserError

_FEW = 5  # examples of a label in validation, for which F1 is mostly chance


def check_task(config: Config) -> None:
    """Refuse settings that the model's task cannot follow.

    Raises:
        UserError: there are some; the key is named.
    """
    metric = config.train.metric
    if config.model.module.TASK == "classification":
        if metric == "perplexity":
            raise UserError(
                "train.metric=perplexity: a classifier has accuracy, macro_f1 and loss; choose one"
            )
        return
    if metric not in ("auto", "loss", "perplexity"):
        raise UserError(f"train.metric={metric}: a language model has loss and perplexity")
    data, train = config.data, config.train
    without_meaning = {
        "data.max_tokens": data.max_tokens,
        "data.validation.fold": data.validation.fold,
        "train.batch_tokens": train.batch_tokens,
        "train.class_weights": train.class_weights,
        "train.label_smoothing": train.label_smoothing,
    }
    for key, value in without_meaning.items():
        if value:
            raise UserError(f"{key} has no meaning for a language model; leave it out")


def selection_metric(config: Config, dataset: Dataset | MemoryDataset) -> str:
    """The measure by which the best epoch is kept: `train.metric`, with "auto" resolved.

    Raises:
        UserError: a classifier's texts have no labels.
    """
    is_classifier = config.model.module.TASK == "classification"
    if is_classifier and not dataset.labels:
        raise UserError(
            f"data.source={config.data.source.name}: its texts have no labels; it is for language "
            "models (model.kind=language_model)"
        )
    if config.train.metric != "auto":
        return config.train.metric
    if not is_classifier:
        return "perplexity"
    return "macro_f1" if dataset.balance("val").is_uneven else "accuracy"


def label_notes(
    config: Config, dataset: Dataset | MemoryDataset, val: TokenSplit
) -> tuple[str, ...]:
    """Say what follows where labels are uneven, or where validation lacks one."""
    if not len(val):
        return ()
    notes = []
    counts = np.bincount(val.labels, minlength=len(dataset.labels))
    for split, where in (("train", ""), ("val", " of validation")):
        balance = dataset.balance(split)
        if not balance.is_uneven:
            continue
        share = counts[dataset.labels.index(balance.largest)] / len(val)
        notes.append(
            f"uneven labels{where}: {balance}; always answering {shown_label(balance.largest)} "
            f"has a validation accuracy of {share:.4f}"
        )
        measure = "look at macro F1, where every label counts the same"
        if config.model.module.TRAINED:
            name = selection_metric(config, dataset).replace("macro_f1", "macro F1")
            measure = f"the best epoch is chosen by {name} (train.metric)"
        more = "" if config.train.class_weights else "; train.class_weights=balanced may help"
        notes.append(measure + more)
        break
    few = [label for label, n in zip(dataset.labels, counts, strict=True) if 0 < n < _FEW]
    if few and notes:
        notes.append(
            f"validation has fewer than {_FEW} examples of {shown_labels(few)}: a figure for so "
            "few is mostly chance; cross-validation (`rnnlab cv`) measures on all examples"
        )
    if missing := [label for label, n in zip(dataset.labels, counts, strict=True) if not n]:
        if isinstance(dataset, Dataset) and not dataset.cuts_validation:
            remedy = "add some to it"
        elif config.data.validation.fold is not None:
            remedy = "add examples"
        else:
            remedy = "add examples, or raise data.validation.fraction"
        notes.append(
            f"validation has no example of {shown_labels(missing)}, whose F1 counts as 0 there: "
            f"{remedy}, or merge labels"
        )
    return tuple(notes)
