"""Bundles: several models under one version, one for each target and horizon.

The label function puts the label of each member into ``Labels.extra`` under the member's name
(``reject_5``), and how far the price went (``reject_5.mfe_bps``, ``reject_5.mae_bps``) where that
is known; the trainer returns a `Member` for each. Measured on a split, ``out_of_sample`` say, a
member has the split ``out_of_sample.reject_5``; the split itself has the plain mean over all
members, and a figure that one member lacks does not exist there. Neighbours: ``data`` (the types),
``evaluate`` (measures). Not promised: that a threshold was chosen on validation data alone; that is
the trainer's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from governance.config.model import ModelDeclaration
from governance.errors import TrainingError
from governance.evidence.measured import Measured
from governance.registry.artifact_members import member_part
from governance.training.data import TrainedModel, TrainingData

FAVOURABLE, ADVERSE = "mfe_bps", "mae_bps"
_HELD_OUT = ("out_of_sample", "test")

Metrics = Mapping[str, Mapping[str, float | None]]


def excursions(data: TrainingData, member: str) -> tuple[pd.Series[Any], pd.Series[Any]] | None:
    """Favourable and adverse excursion of every row, in basis points; ``None`` if not given."""
    names = [f"{member}.{what}" for what in (FAVOURABLE, ADVERSE)]
    if any(name not in data.extra.columns for name in names):
        return None
    return data.extra[names[0]], data.extra[names[1]]


def mean_over_members(measured: Iterable[Measured]) -> Measured:
    """The plain mean of each metric; ``None`` where a member has none.

    >>> dict(mean_over_members([Measured({"auc": 0.6}, 9), Measured({"auc": 0.5}, 9)]))
    {'auc': 0.55}
    """
    members = list(measured)
    values: dict[str, float | None] = {}
    reasons: dict[str, str] = {}
    for name in members[0]:
        found = [member[name] for member in members]
        known = [value for value in found if value is not None]
        if len(known) == len(found):
            values[name] = sum(known) / len(known)
        else:
            values[name] = None
            reasons[name] = f"{len(found) - len(known)} of {len(found)} members have none"
    return Measured(values, members[0].rows, reasons)


def require_declared(
    declaration: ModelDeclaration, trained: TrainedModel, data: TrainingData, *, trainer: str
) -> None:
    """Refuse members that are not those that were declared, or have no labels.

    Raises:
        TrainingError: names what is missing or too much.
    """
    declared = set() if declaration.bundle is None else set(declaration.bundle.members)
    made = set(trained.members)
    if made != declared:
        raise TrainingError(
            f"trainer {trainer} returned the members {', '.join(sorted(made)) or 'none'}, and "
            f"{', '.join(sorted(declared)) or 'none'} are declared; correct the section bundle, or "
            "the trainer"
        )
    for name in sorted(made):
        if name not in data.extra.columns or not data.extra[name].isin((0.0, 1.0)).all():
            raise TrainingError(
                f"there are no labels of {name}; the label function must give Labels.extra the "
                f"column {name!r} with 0 or 1 on every row that has a label"
            )


def bundle_facts(
    trained: TrainedModel, members: Iterable[str], metrics: Metrics
) -> dict[str, Any] | None:
    """What the version's manifest says of its bundle; ``None`` where it is none.

    Args:
        members: the files of the artifact. metrics: of this training, by split.
    """
    if not trained.members:
        return None
    files = {member_part(name): name for name in members}
    keys = {part: f"{one.target}:{one.horizon}" for part, one in trained.members.items()}
    facts: dict[str, Any] = {
        "targets": sorted({one.target for one in trained.members.values()}),
        "horizons": sorted({one.horizon for one in trained.members.values()}),
        "members": {key: files[part] for part, key in keys.items()},
        "thresholds": {keys[part]: one.threshold for part, one in trained.members.items()},
    }
    for what in (FAVOURABLE, ADVERSE):
        facts[what] = {key: _held_out(metrics, part, what) for part, key in keys.items()}
    return facts


def _held_out(metrics: Metrics, member: str, metric: str) -> float | None:
    for split in _HELD_OUT:
        if f"{split}.{member}" in metrics:
            return metrics[f"{split}.{member}"].get(metric)
    return None
