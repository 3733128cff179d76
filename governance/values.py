"""The words of the product as values: stages, verdicts, severities, names, versions, times, refs.

Pure: no I/O, no clock, no database. What is *allowed* between stages is not here (``lifecycle``).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Self

from governance.errors import (
    InvalidInputError,
    InvalidNameError,
    InvalidVersionError,
    NaiveDatetimeError,
)


class Stage(StrEnum):
    """Where a version stands in its life; the lower-case value is what every face shows."""

    DRAFT = "draft"  # declared, no artifact yet
    TRAINED = "trained"  # artifact and provenance stored
    VALIDATED = "validated"  # passed the validation gates
    STAGING = "staging"  # runs beside production and collects evidence
    PRODUCTION = "production"  # decides; at most one version per model
    RETIRED = "retired"  # replaced or withdrawn; can be rolled back to
    FAILED = "failed"  # refused: corrupt, unloadable, failed validation or health check


class Verdict(StrEnum):
    """What a gate or a decision says. Missing evidence is INSUFFICIENT, never PASS."""

    PASS = "pass"  # noqa: S105 - a verdict, no password
    FAIL = "fail"
    INSUFFICIENT = "insufficient"


class Kind(StrEnum):
    """What a model is for; chooses the metrics and the default criteria."""

    TRADING = "trading"
    CLASSIFIER = "classifier"
    REGRESSOR = "regressor"


class Severity(StrEnum):
    """What a drift report says. Missing evidence is never NORMAL."""

    NORMAL = "normal"
    MODERATE = "moderate"
    SEVERE = "severe"
    INSUFFICIENT = "insufficient"  # too little was seen to say anything


_NAME = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?")
_SEMVER = re.compile(
    r"(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})"
    r"(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?"
)
_LAST_NUMBER = 999_999_999  # nine digits, by the pattern above
_ID, _SHA256 = re.compile(r"[0-9a-f]{12}"), re.compile(r"[0-9a-f]{64}")


def check_model_name(name: object) -> str:
    """``name`` itself if it is a legal model name.

    >>> check_model_name("arrival_delay")
    'arrival_delay'
    >>> check_model_name("../etc")
    Traceback (most recent call last):
        ...
    governance.errors.InvalidNameError: model name '../etc' is not allowed; ...
    """
    if isinstance(name, str) and _NAME.fullmatch(name):
        return name
    raise InvalidNameError(
        f"model name {str(name)[:80]!r} is not allowed; use 1-64 of a-z, 0-9, '_' and '-', "
        "beginning and ending with a letter or digit"
    )


@dataclass(frozen=True, slots=True)
class SemanticVersion:
    """``major.minor.patch[-prerelease]``, ordered as semver.org (clause 11) says.

    >>> SemanticVersion.parse("1.2.0") < SemanticVersion.parse("1.10.0")
    True
    >>> SemanticVersion.parse("1.0.0-rc.1") < SemanticVersion.parse("1.0.0")
    True
    >>> str(SemanticVersion.parse("1.0.0").next_patch())
    '1.0.1'
    """

    major: int
    minor: int
    patch: int
    prerelease: str = ""

    @classmethod
    def parse(cls, text: object) -> Self:
        match = _SEMVER.fullmatch(text) if isinstance(text, str) and len(text) <= 64 else None
        parts = match.group(4).split(".") if match and match.group(4) else []
        if match is None or any(
            p.isdigit() and ((len(p) > 1 and p[0] == "0") or len(p) > 18) for p in parts
        ):
            raise InvalidVersionError(
                f"version {str(text)[:80]!r} is not a semantic version; write major.minor.patch, "
                "for example 1.2.0 or 1.2.0-rc.1, or leave it out to have one assigned"
            )
        return cls(int(match[1]), int(match[2]), int(match[3]), match[4] or "")

    @property
    def sort_key(self) -> str:
        """Text that sorts as the versions do, in any collation of ASCII digits and letters.

        Numbers have a fixed width; a release sorts after its pre-releases.
        """
        head = f"{self.major:09d}.{self.minor:09d}.{self.patch:09d}"
        if not self.prerelease:
            return head + "~"
        parts = (
            f"0{part:0>18}" if part.isdigit() else "1" + part.encode().hex()
            for part in self.prerelease.split(".")
        )
        return head + "-" + "!".join(parts) + "!"

    def next_patch(self) -> Self:
        """The release after this one; after a pre-release, the release it announced.

        Raises:
            InvalidVersionError: there is no higher patch number.
        """
        if self.prerelease:
            return replace(self, prerelease="")
        if self.patch >= _LAST_NUMBER:
            raise InvalidVersionError(f"there is no patch after {self}; give a version yourself")
        return replace(self, patch=self.patch + 1)

    def __lt__(self, other: SemanticVersion) -> bool:
        return self.sort_key < other.sort_key

    def __str__(self) -> str:
        suffix = f"-{self.prerelease}" if self.prerelease else ""
        return f"{self.major}.{self.minor}.{self.patch}{suffix}"


def version_id(name: str, version: str, digest: str) -> str:
    """First 12 hex digits of SHA-256 over name, version and digest, each ended by a newline.

    A draft has no artifact, hence the empty digest; its id changes when the bytes arrive.
    >>> version_id("momentum", "1.0.0", "")
    '922cc995d975'
    """
    return hashlib.sha256(f"{name}\n{version}\n{digest}\n".encode()).hexdigest()[:12]


def is_version_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None


def check_digest(text: object) -> str:
    if isinstance(text, str) and _SHA256.fullmatch(text):
        return text
    raise InvalidInputError("a digest is 64 lower-case hex digits (SHA-256)")


def as_utc(moment: datetime, *, what: str = "at") -> datetime:
    """``moment`` in UTC; a naive one is refused, since nobody can know what it means.

    >>> as_utc(datetime(2013, 2, 1))
    Traceback (most recent call last):
        ...
    governance.errors.NaiveDatetimeError: at=2013-02-01T00:00:00 has no time zone; ...
    """
    if not isinstance(moment, datetime):
        raise InvalidInputError(f"{what} must be a datetime with a time zone, not {moment!r:.60}")
    if moment != moment:  # noqa: PLR0124 - pandas' NaT is a datetime that equals nothing
        raise InvalidInputError(f"{what} is no time (NaT)")
    if moment.utcoffset() is None:
        raise NaiveDatetimeError(
            f"{what}={moment.isoformat()} has no time zone; give one, "
            "for example datetime(2013, 2, 1, tzinfo=UTC)"
        )
    try:
        return moment.astimezone(UTC)
    except (OverflowError, ValueError):  # at the ends of the calendar; ValueError: not-a-time
        raise InvalidInputError(f"{what} lies outside the years 1 to 9999 in UTC") from None


def iso(moment: datetime) -> str:
    """Fixed-width UTC text with microseconds, so that text order is time order.

    >>> iso(datetime(2013, 2, 1, tzinfo=UTC))
    '2013-02-01T00:00:00.000000Z'
    """
    utc = moment if (moment.__class__, moment.tzinfo) == (datetime, UTC) else as_utc(moment)
    return utc.isoformat(timespec="microseconds")[:26] + "Z"


def parse_time(text: str, *, what: str = "at") -> datetime:
    """ISO 8601 text to UTC; refuses text without a zone.

    >>> iso(parse_time("2013-02-01T00:00:00+01:00"))
    '2013-01-31T23:00:00.000000Z'
    """
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(
            f"{what}={str(text)[:60]!r} is no ISO 8601 time; write 2013-02-01T00:00:00Z"
        ) from error
    if moment.utcoffset() is None:
        raise NaiveDatetimeError(
            f"{what}={text[:60]!r} has no time zone; write one, such as 2013-02-01T00:00:00Z"
        )
    return as_utc(moment, what=what)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersion:
    """One registered version, as it stood when it was read. ``metrics`` and so on are plain JSON.

    ``created`` is true only on the object that ``register_model`` returns for a new version.
    """

    id: str
    name: str
    version: str
    stage: Stage
    model_type: str
    kind: Kind
    digest: str
    artifact_path: str
    format: str
    size_bytes: int
    created_by: str
    created_at: datetime
    registered_at: datetime
    description: str = ""
    tags: tuple[str, ...] = ()
    metrics: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    manifest: Mapping[str, Any] = field(default_factory=dict)
    created: bool = False

    @property
    def ref(self) -> str:
        """``name:version``, which every call that takes a ``ref`` understands."""
        return f"{self.name}:{self.version}"

    def handover(self) -> dict[str, Any]:
        """What one task tells the next of this version: names and digests, as plain JSON."""
        return {
            "model": self.name,
            "version_id": self.id,
            "ref": self.ref,
            "stage": self.stage.value,
            "digest": self.digest,
            "created": self.created,
        }


@dataclass(frozen=True, slots=True)
class Ref:
    """A parsed reference: an ``id``, a ``name`` with ``version``, or a ``name`` with ``stage``."""

    id: str | None = None
    name: str | None = None
    version: str | None = None
    stage: Stage | None = None

    @classmethod
    def parse(cls, ref: ModelVersion | str) -> Self:
        """
        >>> Ref.parse("momentum:1.2.0")
        Ref(id=None, name='momentum', version='1.2.0', stage=None)
        >>> Ref.parse("momentum@production").stage
        <Stage.PRODUCTION: 'production'>
        """
        if isinstance(ref, ModelVersion):
            return cls(id=ref.id)
        if isinstance(ref, str):
            if is_version_id(ref):
                return cls(id=ref)
            name, at_sign, stage = ref.partition("@")
            if at_sign and stage in tuple(Stage):
                return cls(name=check_model_name(name), stage=Stage(stage))
            name, colon, version = ref.partition(":")
            if colon:
                return cls(name=check_model_name(name), version=str(SemanticVersion.parse(version)))
        raise InvalidInputError(
            f"{str(ref)[:80]!r} refers to no version; give a ModelVersion, an id of 12 hex digits, "
            "'name:1.2.0' or 'name@production'"
        )
