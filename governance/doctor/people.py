"""Checks of the two files that say who may do what and what is asked, of tokens and of keys."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from governance.access.tokens import Token, Tokens
from governance.config.governance_file import GovernanceConfig
from governance.config.policy_file import load_policy, missing_policy, why_missing
from governance.doctor.finding import Finding, counted, ok, problem, unknown, warning
from governance.doctor.installation import Installation
from governance.errors import GovernanceError
from governance.history.checkpoints import load_private_key, load_public_key

SOON = timedelta(days=14)
_LISTED = 5


def models(installation: Installation) -> Iterator[Finding]:
    """Is governance.yaml right?"""
    path = installation.settings.config_path
    try:
        config = installation.config()
    except GovernanceError as error:
        remedy = "mend it: until then nobody who comes through Airflow has a right"
        yield problem("governance.yaml", error.message, remedy, "governance config check")
        return
    if not path.exists():
        found = f"there is no {path}: no model is declared"
        yield warning("governance.yaml", found, "`governance init` makes one to fill in")
    elif not config.models:
        found = f"{path} declares no model"
        yield warning("governance.yaml", found, "declare one (how-to/add-a-model.md)")
    else:
        yield ok("governance.yaml", f"{path} declares {counted(len(config.models), 'model')}")


def policy(installation: Installation) -> Iterator[Finding]:
    """Is promotion_policy.yaml right? A broken one leaves the last valid one in force."""
    settings, verify = installation.settings, "governance policy check"
    if missing_policy(settings):
        remedy = "`governance init` writes one with every limit and its default"
        if settings.policy is not None:
            yield problem("policy", why_missing(settings), remedy, verify)
        else:
            found = f"there is no {settings.policy_path}: the defaults count"
            yield warning("policy", found, remedy, verify)
        return
    try:
        load_policy(settings)
    except GovernanceError as error:
        remedy = "mend it: until then what was valid before stays in force"
        yield problem("policy", error.message, remedy, verify)
        return
    yield ok("policy", f"{settings.policy_path} is valid")


def rights(installation: Installation) -> Iterator[Finding]:
    """Is there an admin at all, and do tokens run out?"""
    verify = "governance token list"
    try:
        config = installation.config()
    except GovernanceError:
        yield unknown("rights", "not looked at: governance.yaml is broken", "mend it first", verify)
        return
    with installation.database() as opened:
        now = datetime.now(UTC)
        tokens = [token for token in Tokens(opened).list() if token.state == "active"]
    yield _admins(config, tokens)
    ending = [one for one in tokens if one.expires_at is not None and one.expires_at < now + SOON]
    if ending:
        names = ", ".join(f"{one.name} ({one.id})" for one in ending[:_LISTED])
        more = f" and {len(ending) - _LISTED} more" if len(ending) > _LISTED else ""
        expire = "expires the token" if len(ending) == 1 else "expire the tokens"
        found = f"within {SOON.days} days {expire} of {names}{more}"
        remedy = "make new ones, move the programs over, revoke these"
        yield warning("tokens", found, remedy, verify)
    elif tokens:
        expires = "it does not expire" if len(tokens) == 1 else "none expires"
        yield ok("tokens", f"{len(tokens)} valid, {expires} within {SOON.days} days")
    else:
        yield ok("tokens", "there are none: no program may use the APIs")


def _admins(config: GovernanceConfig, tokens: list[Token]) -> Finding:
    named = sorted({grant.user for grant in config.access.grants if grant.role == "admin"})
    programs = sorted({token.name for token in tokens if token.role == "admin"})
    if named:
        return ok("rights", f"admins by governance.yaml: {', '.join(named[:_LISTED])}")
    if config.access.others == "airflow":
        return ok("rights", "whoever is admin in Airflow is admin here (others: airflow)")
    if programs:
        found = f"no person is admin, only the tokens of {', '.join(programs[:_LISTED])}"
    else:
        found = "nobody is admin: governance.yaml grants it to nobody, and others: nothing"
    remedy = "grant a person the role admin in `access.grants` of governance.yaml"
    return warning("rights", found, remedy, "governance config check")


def keys(installation: Installation) -> Iterator[Finding]:
    """Are audit checkpoints signed, by a key that is read by nobody else and lies elsewhere?"""
    settings, verify = installation.settings, "governance audit verify"
    private, public = settings.checkpoint_key_file, settings.checkpoint_public_key_file
    if private is None and public is None:
        yield warning(
            "keys",
            "no key for checkpoints is named: that the end of the audit log was cut off would "
            "not be seen",
            "make one and sign on a schedule (how-to/audit-and-checkpoints.md)",
            verify,
        )
        return
    try:
        trusted = None if public is None else load_public_key(public)
        own = None if private is None else load_private_key(private).public_key()
    except GovernanceError as error:
        remedy = "give this user a readable key of mode 600, or name another file"
        yield problem("keys", error.message, remedy, verify)
        return
    if trusted is not None and own is not None and trusted != own:
        found = f"{private} signs with another key than {public} trusts"
        yield problem("keys", found, "name the public half of the key that signs", verify)
    elif private is not None and private.resolve().is_relative_to(settings.home.resolve()):
        found = f"the signing key {private} lies in the home: who writes there can sign"
        yield warning("keys", found, "move it to a machine or medium of its own", verify)
    else:
        does = "signs and verifies" if own is not None else "verifies checkpoints"
        yield ok("keys", f"{private or public} {does}")
