"""What a config may say. Every key has a type, a default where one makes sense, and no synonym."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    NonNegativeInt,
    PositiveInt,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from rnnlab.config.training import TrainConfig
from rnnlab.options import Options, unknown_key
from rnnlab.registry import (
    MODELS,
    SOURCES,
    TOKENIZERS,
    TRACKERS,
    component,
)


class Fold(Options):
    """One of several equal parts of train.

    Attributes:
        number: which one, from 1.
        of: how many there are.
    """

    number: PositiveInt
    of: Annotated[int, Field(ge=2)]

    @model_validator(mode="after")
    def _is_one_of_them(self) -> Fold:
        if self.number > self.of:
            raise ValueError(f"there is no fold {self.number} of {self.of}")
        return self


class Validation(Options):
    """How a validation part is cut from train where the data set has none of its own.

    Attributes:
        fraction: share of the training examples; 0, for none, only where the texts are in memory.
        by: what must stay whole: "auto" is the source's own groups where it has any (films; the
            group column of a table), "example" ignores them, any other name must be theirs.
        seed: of the cut; independent of the run's seed.
        fold: validate on this fold of train instead of a fraction, whatever the data set has.
    """

    fraction: Annotated[float, Field(ge=0, lt=1)] = 0.2
    by: str = "auto"
    seed: NonNegativeInt = 0
    fold: Fold | None = None


class Subset(Options):
    """A part of the training part, to see what less data would give; of a stream, its beginning.

    Attributes:
        fraction: share of the training examples that is kept, by whole groups where there are any.
        seed: of the choice; with the same one, a smaller part lies in a larger.
    """

    fraction: Annotated[float, Field(gt=0, lt=1)]
    seed: NonNegativeInt = 0


class Extra(Options):
    """A table of further texts to learn from, such as a model has labelled.

    Attributes:
        path: the table.
        text: column of the texts.
        label: column of the labels, which are among those of the data set; a language model does
            not read it.
    """

    path: str
    text: str = "text"
    label: str = "label"


class VocabularyConfig(Options):
    """Which training words the model knows.

    Attributes:
        max_size: the most frequent so many, the two special ones not counted; None for all.
        min_count: occurrences that a word needs.
    """

    max_size: PositiveInt | None = None
    min_count: PositiveInt = 1


class Recorded(Options):
    """Facts about the data that `show` uses, so that it needs none.

    Attributes:
        vocabulary: entries, the two special ones counted.
        classes: number of labels; a language model has none.
    """

    vocabulary: PositiveInt
    classes: Annotated[int, Field(ge=2)] | None = None


class DataConfig(Options):
    """The data and how it becomes token numbers.

    In a file the source's own keys stand beside the common ones:
    `{source: table, path: reviews.csv, text: review, max_tokens: 400}`.

    Attributes:
        source: the data set, with its own settings.
        tokenizer: from a text to its tokens.
        vocabulary: built from the training part alone.
        validation: how to cut a validation part where the source has none.
        subset: learn from a part of the training part; None for all of it.
        extra: learn from further texts too; None for the training part alone. Vocabulary and
            validation part do not depend on them.
        max_tokens: longer texts are cut; None for full length.
        truncation: which end of a long text is kept.
        recorded: facts for `show`.
    """

    source: Annotated[Any, component(SOURCES)]
    tokenizer: Annotated[Any, component(TOKENIZERS)] = "words"
    vocabulary: VocabularyConfig = VocabularyConfig()
    validation: Validation = Validation()
    subset: Subset | None = None
    extra: Extra | None = None
    max_tokens: PositiveInt | None = None
    truncation: Literal["head", "tail", "head_and_tail"] = "head"
    recorded: Recorded | None = None

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_keys(cls, value: Any) -> Any:
        """Hand the source's own keys to the source; refuse what neither knows."""
        if not isinstance(value, dict) or not isinstance(value.get("source"), str):
            return value
        name = value["source"]
        if name not in SOURCES.names:
            return value  # the field's own error names the nearest source
        own_fields = SOURCES.load(name).Options.model_fields
        own = {"name": name}
        common = {}
        for key, setting in value.items():
            if key in cls.model_fields:
                common[key] = setting
            elif key in own_fields:
                own[key] = setting
            else:
                raise unknown_key(key, [*cls.model_fields, *own_fields])
        return {**common, "source": own}

    @model_serializer(mode="wrap")
    def _flatten(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        dumped = handler(self)
        own = dumped.pop("source")
        return {"source": own.pop("name"), **own, **dumped}


class Config(Options):
    """One run, fully described.

    Attributes:
        name: the preset's or file's name; part of the run directory's name.
        summary: one line for lists.
        seed: of initial weights, dropout and batch order.
        threads: of the CPU kernels; None for the cores that no other training has claimed. Recorded
            in the run, and kept when it is resumed.
        device: "auto" is the first CUDA device, else the CPU.
        data: what is learned from.
        model: what learns.
        train: how.
        tracker: is told of the training as it goes on; None for none. Has no part in the result.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    summary: str = ""
    seed: NonNegativeInt = 0
    threads: PositiveInt | None = None
    device: Annotated[str, Field(pattern=r"^(auto|cpu|cuda(:\d+)?)$")] = "auto"
    data: DataConfig
    model: Annotated[Any, component(MODELS, key="kind")]
    train: TrainConfig = Field(default_factory=TrainConfig)
    tracker: Annotated[Any, component(TRACKERS, optional=True)] = None
