"""Score: a saved model says of a record that it is one to look at.

[[rule]]
name = "churn"
kind = "score"
where = ["name=visit"]
key = ["user_id"]
model = "models/churn.json"
alert_above = 0.9

A record raises an alert when the model's score of it is above `alert_above`; the value is the score.  A record is scored by itself, from its own
columns and those of dimensions, so nothing is remembered but which keys rest.  Models are saved as
`footfall.linear/1`.

Cost: about 5 ns a record and feature, and 20 for a feature that compares text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from msgspec import Meta

from footfall.rules.contract import Rule
from footfall.rules.linear import LinearModel, read_linear
from footfall.rules.operator import RuleOperator

if TYPE_CHECKING:
    from footfall.stream.batch import Batch
    from footfall.stream.contract import Operator, Outputs


class Score(Rule, frozen=True, kw_only=True, tag="score"):
    """What a saved model scores high."""

    kind: ClassVar[str] = "score"

    model: Annotated[str, Meta(description="the file of the model, relative to the project or absolute", min_length=1)]
    alert_above: Annotated[float, Meta(description="raise an alert above this score")]

    def loaded(self, read: Callable[[str], bytes]) -> LoadedScore:
        """The rule with its model; `read` gives the content of a file of the project.

        Raises:
            InvalidConfig: there is no such file, or it is no model.
        """
        try:
            content = read(self.model)
        except OSError as problem:
            what = f"has a model that cannot be read: {problem.strerror or problem}"
            raise self.wrong(what, "model", self.model, "name a file, relative to the folder of footfall.toml") from None
        linear = read_linear(content, self.model, field=f"rule.{self.name}.model")
        return LoadedScore(**{name: getattr(self, name) for name in Score.__struct_fields__}, linear=linear)

    def operator(self, *, lateness_us: int) -> Operator:
        """It has to be loaded first."""
        raise AssertionError("a score runs once its model is loaded")

    def look_back_us(self) -> int:
        """A record is scored by itself."""
        return 0


class LoadedScore(Score, frozen=True, kw_only=True, tag="score"):
    """A score with its model, ready to run."""

    linear: LinearModel

    def operator(self, *, lateness_us: int) -> Operator:
        """The rule in motion."""
        return ScoreOperator(self, self.lateness_us(lateness_us))

    def references(self) -> tuple[str, ...]:
        """Every column it looks at."""
        return tuple(dict.fromkeys((*super().references(), *(feature.column for feature in self.linear.features))))

    def numbers(self) -> tuple[str, ...]:
        """Every column that must hold numbers."""
        return tuple(dict.fromkeys(feature.column for feature in self.linear.features if feature.equals is None))


class ScoreOperator(RuleOperator):
    """A score in motion."""

    def __init__(self, rule: LoadedScore, lateness_us: int) -> None:
        self.rule = rule
        super().__init__(rule, lateness_us, {})

    def take(self, batch: Batch, out: Outputs) -> None:
        """Score records; those above the limit raise."""
        keys, which = self._taken(batch, out)
        if len(which):
            scores = self.rule.linear.scores(batch.columns)
            record = which[scores[which] > self.rule.alert_above]
            self._raise_at(batch, np.ascontiguousarray(record), (keys, scores[record], None), out)
