"""`gov.force_right`: may this person force a promotion? Whoever may not is on record with the try.

A face asks here before it calls ``promote_to_production(force=True)``, with the user whom it has
authenticated itself. Who may is said in the policy file (``force: {allowed: [...]}``); without such
a list nobody may. A request that has waited too long is refused as well: the emergency it was made
for is over, and a task that somebody clears next week must not force anything. For the same reason
the generation that counts is the one at which the request was made (``generation_seen``).

Neighbours: ``policy_in_force`` (the list), ``promotion`` (what force skips and what not). Not
promised: protection from code that calls the library itself; what it does is on record.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import func, select

from governance.decisions.idempotency import is_known
from governance.errors import ForbiddenError, InvalidInputError
from governance.history.audit import append_entry
from governance.registry import attachments
from governance.store.database import Database, database_time
from governance.store.schema import activations, idempotency_keys
from governance.values import as_utc, check_model_name

ACTION = "force.denied"
NOBODY = "unknown"  # actor of a try without an authenticated user
GOOD_FOR = timedelta(hours=1)
MIN_REASON = 10  # visible characters


class ForceRight:
    """Built by ``Governance.open``."""

    def __init__(self, database: Database, may_force: Callable[[str], bool]) -> None:
        self._database = database
        self._may_force = may_force

    def require(
        self,
        user: str | None,
        *,
        model: str,
        version: str,
        reason: str,
        asked_at: datetime,
        idempotency_key: str,
    ) -> str:
        """The user, who may go on; else an audit entry and an error.

        Args:
            user: as the face authenticated them; ``None`` if it knows nobody.
            asked_at: when the request was made. One that was carried out already (under
                ``idempotency_key``) may be asked for again at any time, since nothing happens then.

        Raises:
            ForbiddenError: not on the list, nobody, or the request is older than an hour.
            ReasonRequiredError: of ``reason`` fewer than ten characters can be seen.
        """
        check_model_name(model)
        why = self._refusal(user)  # before the transaction: a new policy file is kept in its own
        with self._database.begin() as tx:
            late = database_time(tx) - as_utc(asked_at, what="asked_at") > GOOD_FOR
            known = is_known(tx, idempotency_key)
            if not why and late and not known:
                why = "the request is older than an hour; make a new one"
            if why:
                append_entry(
                    tx,
                    actor=_actor(user),
                    action=ACTION,
                    model=model,
                    details={
                        "version": _kept(version, what="version", limit=64),
                        "reason": _kept(reason, what="reason", limit=2000),
                        "why": why,
                    },
                )
        if why or user is None:
            raise ForbiddenError(f"{model} is not forced: {why}")
        if not known:
            attachments.check_reason(reason, shortest=MIN_REASON)
        return user

    def generation_seen(self, model: str, *, asked_at: datetime, idempotency_key: str) -> int:
        """The generation at which a request was made: what its author may have seen.

        Given to ``promote_to_production``, it makes a promotion between request and call a clean
        conflict. A request that was carried out gives the same figure for ever. Times are compared
        across two clocks, Airflow's and the database's: an activation closer to the request than
        these differ may count on either side of it.
        """
        with self._database.read() as connection:
            answer = connection.scalar(
                select(idempotency_keys.c.response).where(idempotency_keys.c.key == idempotency_key)
            )
            if answer is not None:
                return int(answer["generation"]) - 1
            found = connection.scalar(
                select(func.max(activations.c.generation)).where(
                    activations.c.model_name == check_model_name(model),
                    activations.c.recorded_at <= as_utc(asked_at, what="asked_at"),
                )
            )
        return int(found or 0)

    def _refusal(self, user: str | None) -> str:
        if not user:
            return "nobody triggered this run, so nobody answers for it; trigger it as yourself"
        if _actor(user) != user:
            return "the user's name cannot stand in a record; use another account"
        if not self._may_force(user):
            return (
                f"{user} is not among force.allowed in the promotion policy; ask somebody who is, "
                "or promote by the gates"
            )
        return ""


def _actor(user: str | None) -> str:
    """Who tried, as the log can hold it."""
    try:
        return attachments.check_person(user, what="user")
    except InvalidInputError:
        return NOBODY


def _kept(text: object, *, what: str, limit: int) -> str:
    """The text as the log may hold it for ever: one with a credential in it is withheld."""
    try:
        return attachments.check_text(text, what=what, limit=limit)
    except InvalidInputError as error:
        return f"withheld: {error.code}"
