"""Are these labels and features fit to be learned from? The second half of ``data_quality``.

A label that is missing is one that is not yet known: a share of them is normal, all of them is not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from governance.config.data_limits import DataQualityLimits
from governance.evidence.quality_report import Finding, FindingCode
from governance.values import Kind


def check_label(
    label: pd.Series[Any],
    limits: DataQualityLimits,
    *,
    kind: Kind | None,
    rows: int,
    figures: dict[str, Any],
) -> Iterator[Finding]:
    """Findings about ``label``; the counts go into ``figures``. ``rows``: rows of the source."""
    numeric = types.is_numeric_dtype(label) and not types.is_complex_dtype(label)
    known = label.dropna()
    figures |= {"labels": len(known), "labels_missing": rows - len(known)}
    if not len(known):
        text = "no row has a label; look at the label function, or wait until labels are known"
        yield Finding(code=FindingCode.NO_LABELS, observed=0, limit=limits.min_rows, message=text)
        return
    missing = 1 - len(known) / rows
    if not missing <= limits.max_missing_label_share:
        yield Finding(
            code=FindingCode.LABEL_MISSING,
            observed=missing,
            limit=limits.max_missing_label_share,
            message=f"{missing:.2%} of the rows have no label, more than "
            f"{limits.max_missing_label_share:.2%}; repair the label or raise the limit",
        )
    if len(known) < limits.min_rows:
        yield Finding(
            code=FindingCode.TOO_FEW_LABELS,
            observed=len(known),
            limit=limits.min_rows,
            message=f"{len(known)} labelled rows are fewer than {limits.min_rows}; wait for more",
        )
    infinite = int(np.isinf(known.to_numpy(dtype=np.float64)).sum()) if numeric else 0
    if infinite:
        yield Finding(
            code=FindingCode.LABEL_NOT_FINITE,
            observed=infinite,
            limit=0,
            message=f"{infinite} labels are infinite; correct the label function",
        )
    if not numeric and (kind is Kind.REGRESSOR or not _holds_scalars(known)):
        yield Finding(
            code=FindingCode.WRONG_DTYPE,
            column="label",
            observed=str(label.dtype),
            limit="number" if kind is Kind.REGRESSOR else "number or text",
            message=f"the label is {label.dtype}, which cannot be learned from; "
            "let the label function return numbers, or texts for classes",
        )
        return
    yield from _classes(known, limits, kind, figures)


def _classes(
    known: pd.Series[Any], limits: DataQualityLimits, kind: Kind | None, figures: dict[str, Any]
) -> Iterator[Finding]:
    shares = known.value_counts(normalize=True)
    if len(shares) == 1:
        what = "value" if kind is Kind.REGRESSOR else "class"
        yield Finding(
            code=FindingCode.ONE_CLASS,
            observed=str(shares.index[0]),
            limit=2,
            message=f"all labels are the one {what} {shares.index[0]}; "
            "nothing can be learned from that, so look at the label function and its period",
        )
    if kind is Kind.REGRESSOR:
        return
    figures["class_share"] = {str(name): float(share) for name, share in shares.head(20).items()}
    smallest = float(shares.min())
    if len(shares) > 1 and not smallest >= limits.min_class_share:
        yield Finding(
            code=FindingCode.SMALL_CLASS,
            observed=smallest,
            limit=limits.min_class_share,
            message=f"class {shares.idxmin()} has {smallest:.2%} of the labels, less than "
            f"{limits.min_class_share:.2%}; give a longer period",
        )


def check_features(features: pd.DataFrame, limits: DataQualityLimits) -> Iterator[Finding]:
    """Features that are wholly missing, constant, or infinite somewhere."""
    for position, name in enumerate(map(str, features.columns)):
        column = features.iloc[:, position]
        known = column.dropna()
        if not len(known):
            text = f"feature {name} is missing in every row; correct its logic or its inputs"
            yield Finding(code=FindingCode.ALL_MISSING, column=name, message=text)
            continue
        if not _holds_scalars(known):
            text = f"feature {name} holds lists or objects; let its logic return plain values"
            yield Finding(code=FindingCode.WRONG_DTYPE, column=name, message=text)
            continue
        if types.is_numeric_dtype(column) and not types.is_complex_dtype(column):
            infinite = int(np.isinf(known.to_numpy(dtype=np.float64)).sum())
            if infinite:
                yield Finding(
                    code=FindingCode.INFINITE_VALUES,
                    column=name,
                    observed=infinite,
                    limit=0,
                    message=f"{infinite} values of feature {name} are infinite; correct its logic",
                )
        if name not in limits.may_be_constant and bool((known == known.iloc[0]).all()):
            yield Finding(
                code=FindingCode.CONSTANT,
                column=name,
                observed=str(known.iloc[0])[:80],
                message=f"feature {name} has one single value; correct it, leave it out, or name "
                "it in may_be_constant",
            )


def _holds_scalars(known: pd.Series[Any]) -> bool:
    return known.dtype != object or bool(known.map(types.is_scalar).all())
