"""A scikit-learn classifier over raw texts that is trained as `rnnlab train` trains."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from numbers import Integral
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, check_is_fitted, validate_data

from rnnlab.config.schema import Config
from rnnlab.data.labels import normalise_label
from rnnlab.data.memory import checked_texts
from rnnlab.estimator.settings import AUTO, KEYS, build_config, plain
from rnnlab.estimator.training import train_texts
from rnnlab.exceptions import Diverged, UserError
from rnnlab.files import read_json, replacing_folder, write_json
from rnnlab.model_folder import Parts
from rnnlab.predictor import Predictor
from rnnlab.progress import ProgressLine

_FORMAT = 1
_FILE = "estimator.json"


class TextClassifier(ClassifierMixin, BaseEstimator):
    """A classifier of texts: `fit(texts, labels)`, `predict(texts)`, `predict_proba(texts)`.

    "auto" stands for the model's own setting, which `rnnlab show PRESET` prints. A parameter that
    the model has no place for (`hidden` of "nb") is refused by `fit`.

    Args:
        model: "bilstm", "bigru", "lstm", "gru", "rnn" (recurrent); "mean" (of word embeddings);
            "nb", "tfidf" (logistic regression on n-grams); "majority" (class shares). These are
            the presets `table`, `table-gru` and so on; any other preset or YAML file gives its
            model, its training and its reading of texts.
        embedding_dim: width of the word embeddings.
        hidden: width of a recurrent layer, per direction.
        layers: recurrent layers.
        dropout: share of the pooled text vector that is dropped in training.
        vectors: pretrained word vectors (GloVe, word2vec, fastText's .vec): a path, or a name in
            RNNLAB_DATA.
        tokenizer: a name, or a mapping with its settings, as {"name": "words", "lowercase": False}.
        max_tokens: longer texts are cut; None for full length.
        vocabulary_size: the most frequent words that are known; None for all.
        min_count: occurrences that a known word needs.
        epochs: passes over the texts, at most.
        batch_size: texts per update.
        lr: learning rate, where its schedule starts.
        patience: epochs without a better validation score after which training stops; None for
            never.
        validation_fraction: share of the texts that is set aside to choose the best epoch; "auto"
            is 0.2 for models that are trained in epochs, 0 for others. The cut is by class and
            does not depend on `random_state`. Where it would have fewer than 10 texts, and with
            0, there is none: training takes all texts and all epochs, and the last one is kept.
        class_weight: None, "balanced", or a mapping of labels to weights (others weigh 1).
        overrides: values of further config keys, as {"model.embedding.word_dropout": 0.1}.
        threads: of the CPU in training; None for as many as torch uses in this process.
        random_state: of initial weights, dropout and the order of texts; an int gives the same
            model each time, bit for bit, with the same threads.
        verbose: print a line per epoch, and where it stands.

    Attributes:
        classes_: the labels, sorted.
        config_: all settings of the training, as nested mappings.
        history_: one mapping an epoch: losses in nats, accuracies, macro F1; empty where the model
            is not trained in epochs.
        best_epoch_: the epoch (from 1) that was kept; 0 where there are none.
        predictor_: the model (`rnnlab.predictor.Predictor`).
    """

    def __init__(
        self,
        model: str = "bilstm",
        *,
        embedding_dim: int | str = AUTO,
        hidden: int | str = AUTO,
        layers: int | str = AUTO,
        dropout: float | str = AUTO,
        vectors: Any = None,
        tokenizer: str | Mapping[str, Any] = AUTO,
        max_tokens: int | str | None = AUTO,
        vocabulary_size: int | str | None = AUTO,
        min_count: int | str = AUTO,
        epochs: int | str = AUTO,
        batch_size: int | str = AUTO,
        lr: float | str = AUTO,
        patience: int | str | None = AUTO,
        validation_fraction: float | str = AUTO,
        class_weight: Any = None,
        overrides: Mapping[str, Any] | None = None,
        threads: int | None = None,
        random_state: Any = None,
        verbose: bool | int = False,
    ) -> None:
        self.model = model
        self.embedding_dim = embedding_dim
        self.hidden = hidden
        self.layers = layers
        self.dropout = dropout
        self.vectors = vectors
        self.tokenizer = tokenizer
        self.max_tokens = max_tokens
        self.vocabulary_size = vocabulary_size
        self.min_count = min_count
        self.epochs = epochs
        self.batch_size = batch_size
        self.lr = lr
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.class_weight = class_weight
        self.overrides = overrides
        self.threads = threads
        self.random_state = random_state
        self.verbose = verbose

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that X is a list of strings."""
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        return tags

    def fit(self, X: Any, y: Any) -> Self:
        """Train on texts and their labels.

        Interrupted (Ctrl-C, or stop in a notebook), it keeps the best of the epochs that are
        finished, if there are any, and raises KeyboardInterrupt all the same, so that a search
        over settings stops too.

        Args:
            X: n texts: a list, a NumPy array or a pandas column of strings.
            y: n labels: strings, whole numbers or booleans, of two classes at least.

        Raises:
            ValueError: the texts, the labels or a parameter are not as described, or the training
                diverged.
        """
        texts = checked_texts(X)
        y = validate_data(self, y=y)
        check_consistent_length(texts, y)
        check_classification_targets(y)
        classes, numbers = np.unique(y, return_inverse=True)
        if len(classes) < 2:
            raise ValueError(f"there is only one class, {classes[0]!r}: a classifier needs two")
        names = tuple(
            label if isinstance(label, str) else normalise_label(label)
            for label in classes.tolist()
        )
        with _problems_as_value_errors():
            config = self._config(classes, names)
            outcome = train_texts(
                config,
                texts,
                numbers.astype(np.int64),
                names,
                watcher=ProgressLine(sys.stdout) if self.verbose else None,
            )
        self.classes_ = classes
        self.config_ = config.model_dump(mode="json")
        self.history_ = outcome.history
        self.best_epoch_ = outcome.best_epoch
        self.predictor_ = outcome.predictor
        if outcome.interrupted:
            raise KeyboardInterrupt
        return self

    def predict_proba(self, X: Any) -> npt.NDArray[np.float32]:
        """Return the probability of every class for every text, columns as `classes_`.

        Raises:
            ValueError: X is not a list of texts.
            NotFittedError: `fit` has not been called.
        """
        check_is_fitted(self, "predictor_")
        return self.predictor_.predict(checked_texts(X)).probabilities

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return the most probable label of every text.

        Raises:
            ValueError, NotFittedError: see `predict_proba`.
        """
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(axis=1)]

    def top_words(self, n: int = 20) -> dict[Any, list[tuple[str, float]]]:
        """Return, per label, the n words and n-grams that speak most for it, with their weights.

        See `rnnlab.predictor.Predictor.top_words`.

        Raises:
            ValueError: the model is not linear in its words ("nb", "tfidf" and "mean" are).
            NotFittedError: `fit` has not been called.
        """
        check_is_fitted(self, "predictor_")
        with _problems_as_value_errors():
            words = self.predictor_.top_words(n)
        return dict(zip(self.classes_.tolist(), words.values(), strict=True))

    def save(self, path: str | Path) -> None:
        """Write the fitted classifier into a folder: no pickle, and `rnnlab predict` reads it too.

        A RandomState among the parameters is saved as the seed that was drawn from it.

        Raises:
            UserError: the path holds something other than a saved classifier.
            NotFittedError: `fit` has not been called.
        """
        check_is_fitted(self, "predictor_")
        path = Path(path).expanduser().resolve()
        if path.exists() and not (path / _FILE).is_file() and not _is_empty_folder(path):
            raise UserError(f"{path} holds something else; choose another path")
        params: dict[str, Any] = {name: plain(v) for name, v in self.get_params().items()}
        if not isinstance(params["random_state"], int | None):
            params["random_state"] = self.config_["seed"]
        if isinstance(params["class_weight"], dict):
            params["class_weight"] = list(params["class_weight"].items())
        facts = {
            "format": _FORMAT,
            "params": params,
            "classes": {"dtype": self.classes_.dtype.str, "values": self.classes_.tolist()},
            "config": self.config_,
            "history": self.history_,
            "best_epoch": self.best_epoch_,
        }
        with replacing_folder(path) as folder:
            self.predictor_.save(folder)
            write_json(folder / _FILE, facts)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what `save` wrote.

        Raises:
            UserError: there is no classifier, or it is damaged or of another version.
        """
        path = Path(path).expanduser()
        if not (path / _FILE).is_file():
            raise UserError(f"{path}: no saved TextClassifier here (no {_FILE})")
        try:
            facts = read_json(path / _FILE)
            if facts["format"] != _FORMAT:
                raise UserError(f"{path}: written by another version of rnnlab; use that version")
            params = facts["params"]
            if isinstance(params["class_weight"], list):
                params["class_weight"] = dict(map(tuple, params["class_weight"]))
            loaded = cls(**params)
            loaded.classes_ = np.array(facts["classes"]["values"], facts["classes"]["dtype"])
            loaded.config_ = facts["config"]
            loaded.history_ = facts["history"]
            loaded.best_epoch_ = facts["best_epoch"]
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f"{path / _FILE}: damaged ({error}); save it again") from error
        loaded.predictor_ = Predictor.load(path)
        if len(loaded.classes_) != len(loaded.predictor_.labels):
            raise UserError(f"{path / _FILE}: not of the model beside it; save it again")
        return loaded

    def __getstate__(self) -> dict[str, Any]:
        """For the workers of a search: the model as arrays."""
        state: Any = super().__getstate__()
        if "predictor_" in state:
            state = {**state, "predictor_": state["predictor_"].parts()}
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Rebuild from `__getstate__`."""
        if "predictor_" in state:
            predictor = Predictor.from_parts(Parts(*state["predictor_"]), type(self).__name__)
            state = {**state, "predictor_": predictor}
        super().__setstate__(state)

    def _config(self, classes: npt.NDArray[Any], names: tuple[str, ...]) -> Config:
        """What these parameters mean for the labels `classes`, called `names` in the model."""
        seed = self.random_state
        generator = check_random_state(seed)  # refuses what is no seed
        if not isinstance(seed, Integral):
            seed = generator.randint(np.iinfo(np.int32).max)
        changes = {name: getattr(self, name) for name in KEYS}
        weights = self.class_weight
        if isinstance(weights, Mapping):
            names_of = dict(zip(classes.tolist(), names, strict=True))
            weights = {names_of.get(label, str(label)): w for label, w in weights.items()}
        return build_config(
            self.model,
            {name: value for name, value in changes.items() if not _is_default(name, value)},
            self.overrides or {},
            seed=int(seed),
            threads=self.threads,
            class_weights=weights,
        )


def _is_default(name: str, value: Any) -> bool:
    return (isinstance(value, str) and value == AUTO) or (name == "vectors" and value is None)


def _is_empty_folder(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())


@contextmanager
def _problems_as_value_errors() -> Iterator[None]:
    """Raise as scikit-learn does what the command line would print in one line."""
    try:
        yield
    except UserError as error:
        raise ValueError(str(error)) from error
    except Diverged as error:
        raise ValueError(
            f"diverged: {error}; try a lower lr, or overrides={{'train.clip_norm': 1}}"
        ) from error
