"""How the rows of a training set are divided, as declared; ``governance.training`` divides them.

Both ways go by time. There is no random split: it would let the future train for the past.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from governance.config.document import Section
from governance.config.words import Duration

# What `governance.training.splits.Splits.named` calls the rows that a method makes. A trainer may
# score splits of its own, but under other names only.
NAMES = ("train", "validation", "test", "out_of_sample")
NAMES_OF_METHOD = {
    "walk_forward": ("train", "validation", "out_of_sample"),
    "time": ("train", "validation", "test"),
}
Fraction = Annotated[float, Field(gt=0, lt=1)]


class WalkForwardSplit(Section):
    """Folds that follow each other; each is trained on what lies before it.

    Attributes:
        method: by rows, fold after fold.
        folds: number of test windows.
        test_size: rows of each fold's test window.
        purge: rows before the test window that are left out, since their label reaches into it.
        embargo: further rows left out beside a test window.
        train_size: rows of each training window; ``None`` takes all that is there.
        validation_size: rows at the end of each training window that stop the training early.
    """

    method: Literal["walk_forward"]
    folds: int = Field(default=5, ge=1, le=100)
    test_size: int = Field(ge=1)
    purge: int = Field(default=0, ge=0)
    embargo: int = Field(default=0, ge=0)
    train_size: int | None = Field(default=None, ge=1)
    validation_size: int | None = Field(default=None, ge=1)


class TimeSplit(Section):
    """The last share of the time span is the test split, the share before it the validation split.

    Attributes:
        method: by time, once.
        validation_share, test_share: shares of the time span, each between 0 and 1.
        gap: time left out between two splits, at least as long as a label takes to be known.
    """

    method: Literal["time"]
    validation_share: Fraction = 0.15
    test_share: Fraction = 0.15
    gap: Duration | None = None

    @model_validator(mode="after")
    def _leaves_training_rows(self) -> Self:
        if not self.validation_share + self.test_share < 1:
            raise ValueError(
                "validation_share and test_share leave nothing to train on; lower them"
            )
        return self
