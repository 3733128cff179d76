"""A notice in words: what a message says of one decision, whatever the message looks like. Pure.

Made from the payload alone (``governance.history.notices``); nothing is looked up. ``Told`` of the
drift messages has the same attributes, so that one digest may hold both.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Self

from governance.effects.drift_report.words import DASH, STYLES, Style, when
from governance.values import Severity, parse_time

NOTICE = "notice"

_WORDS = {
    "promotion": "Promotion",
    "force": "Forced promotion",
    "rollback": "Rollback",
    "failover": "Failover",
    "health": "Health",
    "policy": "Policy file",
    "drill": "Rollback drill",
    "approval": "Approval wanted",
}
# The looks of the drift messages, by how urgent a notice is.
_LOOKS = {
    "critical": replace(STYLES[Severity.SEVERE], word="Critical"),
    "warning": replace(STYLES[Severity.MODERATE], word="Warning"),
    "info": replace(STYLES[Severity.NORMAL], word="Notice"),
}
_RANKS = {"critical": 0, "warning": 1, "info": 3}


def is_notice(event: Mapping[str, Any]) -> bool:
    return event.get("event") == NOTICE


class GateLine(NamedTuple):
    """One gate that did not pass, ready to print."""

    gate: str
    result: str
    observed: str
    threshold: str
    reason: str

    @classmethod
    def of(cls, check: Mapping[str, Any]) -> Self:
        """
        >>> GateLine.of({"gate": "soak", "result": "fail", "observed": 3.5, "threshold": 24.0,
        ...              "reason": "too short", "mode": "observe"}).result
        'fail (observed only)'
        """
        mode = " (observed only)" if check.get("mode") == "observe" else ""
        return cls(
            str(check["gate"]),
            f"{check['result']}{mode}",
            _figure(check.get("observed")),
            _figure(check.get("threshold")),
            str(check.get("reason") or ""),
        )


@dataclass(frozen=True, slots=True)
class ToldNotice:
    """
    Attributes:
        payload: of ``Notice``.
        link, href: a notice has no page.
    """

    payload: Mapping[str, Any]
    link: str = ""
    href: str | None = None

    @property
    def id(self) -> str:
        return str(self.payload["incident_id"])

    @property
    def event(self) -> str:
        return NOTICE

    @property
    def kind(self) -> str:
        return str(self.payload["kind"])

    @property
    def model(self) -> str:
        return str(self.payload["model"]) or self.state

    @property
    def version(self) -> str:
        return str(self.payload["version"] or "")

    @property
    def opened_at(self) -> Any:
        return parse_time(str(self.payload["at"]))

    @property
    def style(self) -> Style:
        return _LOOKS.get(str(self.payload["severity"]), _LOOKS["critical"])

    @property
    def rank(self) -> int:
        """0 is told first."""
        return _RANKS.get(str(self.payload["severity"]), 0)

    @property
    def state(self) -> str:
        """A word or two for the top of a message."""
        return _WORDS.get(self.kind, self.kind)

    @property
    def headline(self) -> str:
        return str(self.payload["headline"])

    @property
    def subject(self) -> str:
        """The model is named, also where the headline does not."""
        urgent = "CRITICAL " if self.payload["severity"] == "critical" else ""
        about = "" if self.model in self.headline else f"{self.model} {self.version}".strip() + ": "
        return f"[{urgent}{self.state.upper()}] {about}{self.headline}"

    @property
    def identity(self) -> str:
        """When, and under which name it can be found."""
        return f"At {when(self.opened_at)}, notice {self.id}"

    @property
    def moment(self) -> str:
        return f"At {when(self.opened_at)}"

    @property
    def facts(self) -> list[tuple[str, str]]:
        """What stands beside the headline."""
        given = self.payload
        found = [
            ("Model", f"{given['model']} {self.version}".strip()),
            ("At", when(self.opened_at)),
            ("By", str(given["by"])),
            ("Approved by", str(given.get("approved_by") or "")),
            ("Reason", str(given.get("reason") or "")),
            ("Generation", str(given.get("generation") or "")),
            ("Decision", str(given.get("decision_id") or "")),
            ("Notice", self.id),
        ]
        return [(label, value) for label, value in found if value]

    @property
    def reasons(self) -> list[str]:
        """Without those that the gates say, too."""
        gates = {f"{gate.gate}: {gate.reason}" for gate in self.gates}
        given = (str(reason) for reason in self.payload.get("reasons") or ())
        return [reason for reason in given if reason not in gates]

    @property
    def gates(self) -> list[GateLine]:
        return [GateLine.of(check) for check in self.payload.get("gates") or ()]

    @property
    def gates_title(self) -> str:
        """What the gates in the list have in common."""
        if self.payload.get("forced"):
            return "Gates that were overridden"
        if self.payload.get("generation") is not None:
            return "Gates that did not pass and did not decide"
        return "Gates that did not pass"

    @property
    def overridden(self) -> bool:
        """The request asked less than the policy."""
        return bool(self.payload.get("overridden"))

    @property
    def commands(self) -> list[tuple[str, str]]:
        """What to type, and what for: as the notice has it, else by its kind."""
        given: Sequence[Sequence[str]] = self.payload.get("commands") or ()
        if given:
            return [(str(label), str(command)) for label, command in given]
        return list(self._usual())

    def _usual(self) -> Iterator[tuple[str, str]]:
        model = str(self.payload["model"])
        if self.kind in ("promotion", "force") and self.payload.get("generation") is not None:
            yield "Take it back", f"governance rollback {model} --reason 'why'"
        if self.kind == "policy":
            yield "Check the file", "governance policy check config/promotion_policy.yaml"
        elif self.kind == "approval":
            request = shlex.quote(str(self.payload.get("key", "")).removeprefix("approval:"))
            yield "Answer", f"governance approval answer {request} --approve --comment 'why'"
        elif self.kind == "drill":
            yield "Try again", f"governance health drill {model}".rstrip()
        elif self.kind in ("health", "failover", "rollback"):
            yield "Look at its state", f"governance health check {model}".rstrip()
        if self.payload.get("decision_id"):
            yield "Show the decision", f"governance decision show {self.payload['decision_id']}"

    def lines(self) -> Iterator[str]:
        """The notice in full, a line each, without any layout."""
        yield from (f"{label}: {value}" for label, value in self.facts)
        if self.overridden:
            yield "The request asked less than the policy."
        yield from (f"- {reason}" for reason in self.reasons)
        if self.gates:
            yield f"{self.gates_title}:"
            yield from (f"- {said(gate)}" for gate in self.gates)
        yield from (f"{label}: {command}" for label, command in self.commands)


def said(gate: GateLine) -> str:
    """
    >>> said(GateLine("soak", "fail", "3.5", "24", "too short"))
    'soak: fail, 3.5 against 24 (too short)'
    """
    figures = ""
    if (gate.observed, gate.threshold) != (DASH, DASH):
        figures = f", {gate.observed} against {gate.threshold}"
    why = f" ({gate.reason})" if gate.reason else ""
    return f"{gate.gate}: {gate.result}{figures}{why}"


def _figure(value: object) -> str:
    """
    >>> _figure(0.123456789), _figure("pass"), _figure(None) == DASH
    ('0.123457', 'pass', True)
    """
    if value is None:
        return DASH
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)
