"""F11: a policy file is refused where it is wrong, or means what a reader takes it to mean.

40 hand-made files and mutants of a valid one: 150 in ``make test``, 2,000 with
``GOVERNANCE_FAULTS=full``. What is taken is compared with a second reading of the same bytes
(PyYAML's structure, scalars by the rules of YAML 1.2 written anew here), value by value: nothing
dropped, nothing changed. The seed is printed with every failure; ``GOVERNANCE_SEED`` repeats a run.
"""

from __future__ import annotations

import json
import os
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from governance.config.policy_file import PolicyFile, parse_policy
from governance.errors import ConfigError
from governance.policy.promotion.effective import effective_limits
from governance.values import Kind

FULL = os.environ.get("GOVERNANCE_FAULTS") == "full"
SEED = int(os.environ.get("GOVERNANCE_SEED", random.SystemRandom().randrange(10**6)))
MUTANTS = 2000 if FULL else 150
SHIPPED = Path(__file__).resolve().parents[2] / "config" / "promotion_policy.yaml"
PLACE = re.compile(r"p\.yaml:([1-9]\d*):([1-9]\d*): \S")

OWN = """\
mode: enforce
defaults:
  drift: {min_rows: 50, flagged_q: 0.04, urgent_q: 1e-5}
  promotion:
    max_error_rate: 0.01
    approvers: [eve, "bob"]
    require_approval: true
    modes: {drift: observe, champion_comparison: observe}
kinds:
  trading:
    min_sharpe: 0.6
    max_drawdown: 0.04
    min_shadow_sessions: 10
  classifier:
    not_worse:
      - metric: auc
        tolerance: 0.01
      - {metric: cost, split: test, better: lower}
    metrics: [{metric: auc, split: out_of_sample, min: 0.6, max: 1.0}]
    max_drift_severity: normal
models:
  churn:
    drift:
      calm_days: 3
    promotion:
      min_soak_hours: 72
      required_targets: [reject, break]
      required_horizons: [5, 15, 60]
      max_false_promotion: null
force:
  allowed: [ann, "o'neil"]
"""

# text -> "" (taken), or what the refusal says.
HANDMADE: dict[str, str] = {
    # taken, with the meaning that the second reading gives
    "models: {}": "",
    "mode: observe": "",
    "mode: 'enforce'\nmodels: {}": "",
    "defaults: {promotion: {max_drift_psi: 1e-1}}": "",
    "defaults: {promotion: {max_drift_psi: 1}}": "",
    "kinds: {trading: {min_sharpe: -1.5}}": "",
    "kinds: {regressor: {not_worse: []}}": "",
    "models: {m: {promotion: {min_soak_hours: null}}}": "",
    "models: {m: {promotion: {approvers: ['on', 'no', '7']}}}": "",
    "models: {m: {}}": "",
    '{"mode": "observe", "force": {"allowed": ["ann"]}}': "",
    "# only a comment\nmode: enforce # and another": "",
    "": "",
    "# the defaults": "",
    # refused
    "~": "empty",
    "[]": "object",
    "enforce": "object",
    "mode: on": "enforce",
    "mode: Enforce": "enforce",
    "mode: enforce\nmode: observe": "already given",
    "mood: enforce": "did you mean 'mode'",
    "defaults: {promotions: {}}": "did you mean 'promotion'",
    "defaults: {promotion: {max_drift_psi: .nan}}": "no number",
    "defaults: {promotion: {max_drift_psi: -.inf}}": "no number",
    "defaults: {promotion: {max_drift_psi: '0.1'}}": "valid number",
    "defaults: {promotion: {max_drift_psi: 0,1: 2}}": "a key must be text",
    "defaults: {promotion: {max_drift_psi: -0.1}}": "greater than or equal",
    "defaults: {promotion: {max_drawdown: 5}}": "less than or equal to 1",
    "defaults: {promotion: {min_shadow_days: 3.5}}": "integer",
    "defaults: {promotion: {min_shadow_days: 0o3, min_shadow_days: 3}}": "already given",
    "defaults: {promotion: {min_trade_count: 010}}": "differently",
    "defaults: {promotion: {min_trade_count: 1_000}}": "differently",
    "defaults: {promotion: {require_approval: yes}}": "boolean",
    "defaults: {promotion: {require_approval: 1}}": "boolean",
    "defaults: {promotion: {approvers: eve}}": "array",
    "defaults: {promotion: {min_sharpe: 1, min_live_sharpe: 2}}": "mean the same",
    "defaults: {promotion: {max_false_promotion: 1}}": "less than 1",
    "defaults: {promotion: {modes: {integrity: observe}}}": "Input should be",
    "defaults: {promotion: {metrics: [{metric: auc, split: test, min: 70}]}}": "never above 1",
    "kinds: {trading: {metrics: [{metric: auc, split: test, min: 0.9, max: 0.1}]}}": "exchange",
    "defaults: {drift: {urgent_q: 0.01}}\nmodels: {m: {drift: {flagged_q: 0.005}}}": "exchange",
    "defaults: &d {promotion: {}}\nmodels: {m: *d}": "anchor",
    "kinds: {ranker: {}}": "trading",
    "models: {../m: {}}": "not allowed",
}


def second_reading(data: bytes) -> Any:
    """The same bytes by another road: structure and styles from PyYAML's nodes, scalars here."""
    node = yaml.compose(data.decode("utf-8-sig"), Loader=yaml.SafeLoader)
    return {} if node is None else _plain(node)


def _plain(node: Any) -> Any:
    if isinstance(node, yaml.MappingNode):
        pairs = [(key.value, _plain(value)) for key, value in node.value]
        assert len({key for key, _ in pairs}) == len(pairs), "a duplicate key was taken"
        return dict(pairs)
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item) for item in node.value]
    if node.style is not None or node.value in ("", "~"):
        return node.value if node.style is not None else None
    text = node.value
    if text.lower() in ("true", "false", "null") and text in (
        text.lower(),
        text.title(),
        text.upper(),
    ):
        return json.loads(text.lower())
    if re.fullmatch(r"[-+]?(0|[1-9]\d*)", text):
        return int(text)
    if re.fullmatch(r"0o[0-7]+|0x[0-9a-fA-F]+", text):
        return int(text, 0)
    if re.fullmatch(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?", text):
        return float(text)
    return text


def said_by(policy: PolicyFile) -> Any:
    """All that was taken from a file, and nothing else."""
    return policy.model_dump(mode="json", exclude_unset=True)


ALIASES = {"min_sharpe": "min_live_sharpe", "max_drawdown": "max_drawdown_threshold"}


def renamed(value: Any, inside: bool = False) -> Any:
    if isinstance(value, dict):
        return {
            ALIASES.get(key, key) if inside else key: renamed(
                item, inside or key in ("promotion", "kinds")
            )
            for key, item in value.items()
        }
    return [renamed(item) for item in value] if isinstance(value, list) else value


def outcome(data: bytes) -> str:
    """``refused``, or ``taken`` after every value was found again."""
    try:
        policy = parse_policy(data, source="p.yaml")
    except ConfigError as error:
        for line in error.message.splitlines():
            found = PLACE.match(line)
            assert found, line
            assert int(found[1]) <= data.count(b"\n") + 2, line
        return "refused"
    assert said_by(policy) == renamed(second_reading(data))
    for kind in Kind:  # and it can be laid together for whoever it names
        for model in ("nobody", *policy.models):
            policy.drift(model)
            effective_limits(kind, policy.promotion_layers(model, kind), mode=policy.mode)
    return "taken"


@pytest.mark.parametrize("text", HANDMADE)
def test_a_hand_made_policy_is_refused_where_it_is_wrong(text: str) -> None:
    wanted = HANDMADE[text]
    assert outcome(text.encode()) == ("refused" if wanted else "taken")
    if wanted:
        with pytest.raises(ConfigError) as refused:
            parse_policy(text.encode(), source="p.yaml")
        assert wanted in refused.value.message


def test_there_are_forty_of_them() -> None:
    assert len(HANDMADE) >= 40


SCALARS = [
    "0", "1", "-1", "0.05", "1e-3", "1e999", ".nan", ".inf", "-.inf", "0777", "1_000", "0x10",
    "on", "yes", "true", "null", "~", "''", '"5"', "[]", "{}", "[1, 2]", "normal", "observe",
    "x: y", "&a 1", "*a", "!!int 5", "!x", "2013-02-01", "9223372036854775808", "é",
    "\u2028", "\x07", "|",
]  # fmt: skip


def another_scalar(r: random.Random, lines: list[str]) -> None:
    at = r.choice([i for i, line in enumerate(lines) if ":" in line])
    key, _, _ = lines[at].partition(":")
    lines[at] = f"{key}: {r.choice(SCALARS)}"


def another_number(r: random.Random, lines: list[str]) -> None:
    """The likeliest to be taken, and then to be taken wrongly."""
    at = r.choice([i for i, line in enumerate(lines) if re.search(r"\d", line)] or [0])
    others = [
        "0",
        "1",
        "2",
        "0.5",
        "1e-2",
        ".7",
        "5.",
        "+3",
        "0x1F",
        "0o17",
        "1E1",
        "-0",
        "07",
        "1_0",
    ]
    places = list(re.finditer(r"[\d.]+", lines[at]))
    if places:
        one = r.choice(places)
        lines[at] = lines[at][: one.start()] + r.choice(others) + lines[at][one.end() :]


def another_token(r: random.Random, lines: list[str]) -> None:
    at = r.randrange(len(lines))
    words = re.split(r"(\W+)", lines[at])
    words[r.randrange(len(words))] = r.choice([*SCALARS, "min_sharpe", "models", "promotion", ","])
    lines[at] = "".join(words)


def move_line(r: random.Random, lines: list[str]) -> None:
    line = lines.pop(r.randrange(len(lines)))
    if r.random() < 0.7:
        lines.insert(r.randrange(len(lines) + 1), line)


def double_line(r: random.Random, lines: list[str]) -> None:
    at = r.randrange(len(lines))
    lines.insert(r.randrange(len(lines) + 1) if r.random() < 0.5 else at, lines[at])


def indent(r: random.Random, lines: list[str]) -> None:
    at = r.randrange(len(lines))
    lines[at] = (
        r.choice([" ", "  ", "\t", "    "]) + lines[at] if r.random() < 0.5 else lines[at][1:]
    )


def one_character(r: random.Random, lines: list[str]) -> None:
    at = r.choice([i for i, line in enumerate(lines) if line] or [0])
    place = r.randrange(len(lines[at]) + 1)
    other = r.choice("0123456789.-+e:,[]{}#'\"&*!|>%@`~ \t\x00\x85\xffé")
    lines[at] = lines[at][:place] + other + lines[at][place + r.randrange(2) :]


MUTATIONS: list[Callable[[random.Random, list[str]], None]] = [
    another_scalar, another_number, another_number, another_number, another_token, move_line,
    double_line, indent, one_character,
]  # fmt: skip


def mutant(r: random.Random, text: str) -> bytes:
    lines = text.splitlines()
    for _ in range(r.choice([1, 1, 1, 2, 3])):
        if lines:
            r.choice(MUTATIONS)(r, lines)
    data = bytearray("\n".join(lines).encode("utf-8", "surrogatepass"))
    if data and r.random() < 0.1:
        data[r.randrange(len(data))] ^= 1 << r.randrange(8)
    return bytes(data)


def test_a_mutant_is_refused_or_means_what_it_says() -> None:
    r = random.Random(SEED)
    shipped = "\n".join(
        line for line in SHIPPED.read_text().splitlines() if not line.strip().startswith("#")
    )
    seen = {"refused": 0, "taken": 0}
    for number in range(MUTANTS):
        data = mutant(r, OWN if number % 4 else shipped)
        try:
            seen[outcome(data)] += 1
        except Exception as error:
            raise AssertionError(f"seed {SEED}, mutant {number}: {data!r}") from error
    print(f"seed {SEED}: {seen}")
    assert min(seen.values()) > MUTANTS // 10, f"seed {SEED}: {seen}"


def test_the_files_that_are_mutated_are_taken() -> None:
    assert outcome(OWN.encode()) == outcome(SHIPPED.read_bytes()) == "taken"
