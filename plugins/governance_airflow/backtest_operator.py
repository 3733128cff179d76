"""A registered version's evaluation on a window of the past, as a task that records nothing.

    backtest = BacktestModelOperator(
        task_id="backtest", ref="churn@production",
        start="{{ data_interval_start }}", end="{{ data_interval_end }}")

The same without Airflow: `governance validation backtest REF --from T --to T`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from governance_airflow.connection import open_governance
from governance_airflow.pages import VersionLink, leave, version_page

if TYPE_CHECKING:
    from airflow.sdk import Context


class BacktestModelOperator(BaseOperator):
    """Gives the figures over the window, how many folds it had, and which of them lie in the
    version's own training data; the task's log has each fold.

    Args:
        ref: which version. start, end: ISO times with a zone; `end` is not included.
    """

    template_fields: Sequence[str] = ("ref", "start", "end")
    operator_extra_links = (VersionLink(),)

    def __init__(self, *, ref: str, start: str, end: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.ref = ref
        self.start = start
        self.end = end

    def execute(self, context: Context) -> dict[str, Any]:
        from governance.values import parse_time

        with open_governance() as gov:
            version = gov.registry.resolve(self.ref)
            leave(context, version=version_page(version.name, version.version))
            found = gov.validation.backtest(
                self.ref,
                parse_time(self.start, what="start"),
                parse_time(self.end, what="end"),
            )
        for window in found.windows:
            self.log.info("%s: %s", window.as_json(), found.metrics[window.name])
        return found.handover()
