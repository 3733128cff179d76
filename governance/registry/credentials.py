"""A net for credentials that slipped into what people attach or write.

Pure. It knows the shapes that vendors document for their tokens, URLs that carry a password, and
names that are given a secret (``password=...``). It does not promise to find every secret.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from governance.errors import SecretInMetadataError

# Each shape begins or ends within a bounded distance: a text of 1 MiB is searched in linear time.
_TOKENS = (
    r"A(?:KIA|SIA)[0-9A-Z]{16}"
    r"|gov_[0-9a-f]{12}_[A-Za-z0-9_-]{43}"  # our own
    r"|gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,}|glpat-[A-Za-z0-9_-]{20,}"
    r"|xox[abeoprs]-[A-Za-z0-9-]{10,}|[rs]k_live_[A-Za-z0-9]{16,}"
    r"|(?<![A-Za-z0-9])sk-[A-Za-z0-9_-]{32,}|AIza[0-9A-Za-z_-]{35}"
    r"|(?<![A-Za-z0-9_])(?:npm_[A-Za-z0-9]{36}|hf_[A-Za-z0-9]{30,})"
    r"|(?<![A-Za-z0-9])SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,}"
    r"|(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----"
)
_URLS = (
    r"[A-Za-z][A-Za-z0-9+.-]{0,31}://[^/\s:@]{0,64}:[^/\s@]+@"
    r"|(?i:hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/[A-Z0-9/_-]{8,})"
)
# A value that only stands for one: a variable, a place holder, nothing at all.
_NO_VALUE = (
    r"(?![\"']?(?:[$<{*%\[=]|\.\.\.|x{3,}|os\.|env|https?://"
    r"|(?:none|null|true|false|redacted|required)\b))"
)
# Nearer to prose ("password: see the wiki") only what mixes letters and digits counts.
_MIXED = r"(?=\S{0,64}[0-9])(?=\S{0,64}[A-Za-z])"
_ASSIGNED = (
    r"(?i:"
    rf"(?:password|passwd|passphrase|\bpwd)[\"']?(?:=[\"']?{_NO_VALUE}[^\s\"'&]{{3}}"
    rf"|\s{{0,3}}[=:]\s{{0,3}}(?:[\"']{_NO_VALUE}[^\s\"']{{4}}|{_NO_VALUE}{_MIXED}\S{{6}}))"
    r"|(?:secret[_-]?access[_-]?key|secret[_-]?key|client[_-]?secret|api[_-]?key"
    rf"|(?:access|auth|refresh)[_-]?token)[\"']?\s{{0,3}}[=:]\s{{0,3}}[\"']?{_NO_VALUE}"
    rf"{_MIXED}[^\s\"']{{8}}"
    rf"|(?:secret|token)[\"']?=[\"']?{_NO_VALUE}{_MIXED}[A-Z0-9+/_.~-]{{16}}"
    r")"
)
_SECRETS = re.compile("|".join((_TOKENS, _URLS, _ASSIGNED)))


def check_no_secret(value: str, *, where: str) -> str:
    """`value` itself, unless it looks like a credential; the refusal does not repeat it.

    >>> check_no_secret("postgresql://u:hunter2@db/x", where="metadata 'dsn'")
    Traceback (most recent call last):
        ...
    governance.errors.SecretInMetadataError: metadata 'dsn' looks like a credential; ...
    """
    if _SECRETS.search(value):
        raise SecretInMetadataError(
            f"{where} looks like a credential; remove it and revoke it if it was real "
            "(records are append-only and are shown to every reader)"
        )
    return value


def check_no_secret_inside(value: object, *, where: str) -> None:
    """`check_no_secret` for every text in a JSON value, keys included, and for keys that are given
    a secret.
    """
    if isinstance(value, str):
        check_no_secret(value, where=where)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            check_no_secret_inside(str(key), where=where)
            check_no_secret_inside(item, where=where)
            if isinstance(item, str):
                check_no_secret(f"{key}={item[:200]}", where=where)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            check_no_secret_inside(item, where=where)
