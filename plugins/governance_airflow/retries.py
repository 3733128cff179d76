"""Which failures are worth another try: an unreachable database is, bad data is not.

Everything the product refuses on purpose stays refused however often it is asked; only what its
errors call unavailable (a restart, a lock held too long) may go away by itself.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule

from governance.errors import GovernanceError, UnavailableError

RETRIES = 3

UNAVAILABLE_ONLY = ExceptionRetryPolicy(
    rules=[
        RetryRule(
            exception=UnavailableError,
            action=RetryAction.RETRY,
            retry_delay=timedelta(seconds=30),
            reason="the database may be back by then",
        ),
        RetryRule(
            exception=GovernanceError,
            action=RetryAction.FAIL,
            reason="refused on purpose; the same call would be refused again",
        ),
    ]
)
