"""The data-quality step: the source's rows first, then the labels and features made from them."""

from __future__ import annotations

from datetime import datetime

import pandas as pd

from governance.config.model import ModelDeclaration
from governance.evidence.data_quality import check
from governance.evidence.quality_report import QualityReport
from governance.training.prepare import feature_graph, label_frame


def require_quality(
    declaration: ModelDeclaration, frame: pd.DataFrame, *, at: datetime
) -> QualityReport:
    """The report on rows that are fit to be trained on.

    Raises:
        DataQualityError: every finding. Labels and features are only made of sound rows, so
            findings about them come once the rows are mended.
    """
    columns = list(declaration.features.inputs)
    check(
        frame,
        declaration.data_quality,
        at=at,
        columns=columns,
        time_column=declaration.time_column,
    ).raise_for_findings()
    report = check(
        frame,
        declaration.data_quality,
        at=at,
        columns=columns,
        time_column=declaration.time_column,
        label=label_frame(declaration, frame, at=at).values,
        kind=declaration.kind,
        features=feature_graph(declaration).compute(frame),
    )
    report.raise_for_findings()
    return report
