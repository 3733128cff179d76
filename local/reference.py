"""`make docs`: pages of docs/reference that follow from the code, so that they cannot fall behind.

Each page is a function of classes that exist: sections of configuration and policy, settings,
errors. The test `tests/docs/test_reference.py` compares the files with what is rendered here.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import typer
from typer.cli import get_docs_for_click

from governance import errors
from governance.access.rights import RIGHTS
from governance.access.roles import Role
from governance.cli.app import app
from governance.config.governance_file import GovernanceConfig
from governance.config.metric_names import METRICS
from governance.config.policy_file import PolicyFile
from governance.errors import GovernanceError
from governance.monitoring.catalog import CATALOG
from governance.policy.promotion.effective import ENVIRONMENT, FORCE, effective_limits
from governance.policy.promotion.limits import PromotionLimits
from governance.settings import Settings
from governance.values import Kind
from local import api_reference
from local.reference_tables import sections, summary, table

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "reference"
_NOTE = "<!-- Written by `make docs`; change the docstrings, not this page. -->\n"


def pages() -> dict[str, str]:
    """File name to content."""
    return {
        "configuration.md": configuration(),
        "policy.md": policy(),
        "settings.md": settings(),
        "errors.md": error_codes(),
        "metrics.md": metrics(),
        "prometheus.md": prometheus(),
        "cli.md": command_line(),
        "rights.md": rights(),
        "api.md": _page(api_reference.parts()),
    }


def configuration() -> str:
    parts = [
        "# Configuration: governance.yaml",
        "Read strictly: unknown and duplicate keys, anchors, wrong types and impossible values are "
        "refused with line and column, all at once. `governance config check` does it and imports "
        "every function. The file in use is `GOVERNANCE_CONFIG`, else "
        "`<home>/config/governance.yaml`.",
    ]
    for section in sections(GovernanceConfig):
        parts += [f"## {section.__name__}", summary(section), table(section)]
    return _page(parts)


def policy() -> str:
    parts = [
        "# Policy: promotion_policy.yaml",
        "How much is good enough, for all models, for a kind, for single ones. The file in use is "
        "`GOVERNANCE_POLICY`, else `<home>/config/promotion_policy.yaml`; a home that never had "
        "one asks the defaults. It is read as strictly as `governance.yaml`; while it is broken or "
        "gone the last valid one stays in force. What is narrower replaces what is wider, key by "
        "key: defaults, kinds, models, the environment (`MODEL_GOV_*`, for bundles alone), a "
        "request. See [Write a policy](../how-to/write-a-policy.md).",
    ]
    parts += ["## Defaults by kind", _defaults_by_kind()]
    for section in sections(PolicyFile):
        parts += [f"## {section.__name__}", summary(section), table(section)]
    return _page(parts)


def _defaults_by_kind() -> str:
    """What is asked where no file says anything; a key that no kind asks is left out."""
    kinds = list(Kind)
    asked = {kind: effective_limits(kind, []).limits.as_json() for kind in kinds}
    nothing = PromotionLimits().as_json()
    rows = [
        f"| key | {' | '.join(kinds)} |",
        "|---|" + "---|" * len(kinds),
        *(
            f"| `{key}` | {' | '.join(_asked(asked[kind][key]) for kind in kinds)} |"
            for key in nothing
            if any(asked[kind][key] != nothing[key] for kind in kinds)
        ),
    ]
    text = (
        "What is asked of a promotion where the file says nothing. A model that `governance.yaml` "
        "does not declare is judged as trading. Integrity, load and lifecycle (the version runs in "
        "staging) are asked of every version and always count. The PSI of trading models is that "
        "of the shadow sessions, of others that of the latest drift report."
    )
    return f"{text}\n\n" + "\n".join(rows)


def _asked(value: Any) -> str:
    if value in (None, [], False):
        return "-"
    if isinstance(value, list):
        return "; ".join(
            ", ".join(f"{key} {one[key]}" for key in one if one[key] is not None) for one in value
        )
    return "yes" if value is True else str(value)


def settings() -> str:
    parts = [
        "# Settings",
        "Environment variables; they say where and whether, never how much is good enough.",
        table(Settings, name=lambda key: f"GOVERNANCE_{key.upper()}"),
        "Document 004's variables are a layer of the [policy](policy.md) of bundles: "
        + ", ".join(f"`{name}` (`{key}`)" for name, (key, _) in ENVIRONMENT.items())
        + f"; `{FORCE}` is for `governance manifest evaluate` alone. Another name that begins so "
        "is refused.",
        "Beside them: `ALLOW_DATASET_MISMATCH=1` and `ALLOW_FEATURE_MISMATCH=1` let `load_model` "
        "pass a mismatch (the audit log says so); `GOVERNANCE_ACTOR` names who runs the command "
        "line.",
    ]
    return _page(parts)


def error_codes() -> str:
    found = [
        one
        for _, one in inspect.getmembers(errors, inspect.isclass)
        if issubclass(one, GovernanceError)
    ]
    rows = [
        "| code | class | HTTP | exit | meaning |",
        "|---|---|---|---|---|",
        *(
            f"| `{one.code}` | `{one.__name__}` | {one.status} | {one.exit_code} | {_about(one)} |"
            for one in sorted(found, key=lambda one: (one.exit_code, one.code))
        ),
    ]
    parts = [
        "# Errors",
        "Every refusal is a `GovernanceError` with a stable code. The message says what is wrong "
        "and what to do; the technical cause stays in `__cause__`.",
        "Exit codes of the command line: 0 ok, 1 error, 2 usage, 3 conflict or gate failed, "
        "4 insufficient evidence, 5 integrity, 6 forbidden, 7 unavailable.",
        "\n".join(rows),
    ]
    return _page(parts)


def metrics() -> str:
    rows = [
        "| metric | measures | better | from | to | meaning |",
        "|---|---|---|---|---|---|",
        *(
            f"| `{one.name}` | {one.type} | {one.better} | {one.lowest:g} | {one.highest:g} "
            f"| {one.meaning} |"
            for one in METRICS.values()
        ),
    ]
    parts = [
        "# Metrics",
        "What a model may declare under `metrics`, and what a limit may ask. A classifier has the "
        "classification metrics and those of signals (which exist for a bundle's members whose "
        "label tells excursions), a regressor the regression metrics, a trading model all of them. "
        "A figure that does not exist (the AUC of one class, a Sharpe ratio without variance) is "
        "not recorded, and a gate that asks for it says INSUFFICIENT. Formulas: the docstrings "
        "of `governance.evidence`.",
        "\n".join(rows),
    ]
    return _page(parts)


def prometheus() -> str:
    head = ["| figure | kind | labels | says |", "|---|---|---|---|"]
    tables = {
        page: [
            f"| `{one.name}` | {one.kind} | {', '.join(f'`{x}`' for x in one.labels) or '-'} "
            f"| {one.says} |"
            for one in CATALOG.values()
            if one.page == page
        ]
        for page in ("management", "serving")
    }
    parts = [
        "# Figures for Prometheus",
        "What `/metrics` of the two servers shows; [Monitoring](../monitoring/README.md) says how "
        "to scrape it and has a dashboard and alert rules. The metrics that a model declares are "
        "[other ones](metrics.md).",
        "Labels are bounded: `model` by the registry and by `GOVERNANCE_METRICS_MODELS` (1000; "
        "the first by name have series, the others count in the sums), `version` to the one that "
        "answers, `route` by the routes, `code` by the [errors](errors.md); the others are words "
        "of the product or of `governance.yaml`. No id is a label. A histogram's samples end with "
        "`_bucket` (label `le`), `_sum` and `_count`.",
        "## Management API",
        "\n".join([*head, *tables["management"]]),
        "## Serving API",
        "\n".join([*head, *tables["serving"]]),
    ]
    return _page(parts)


def rights() -> str:
    where = {
        "model": "the model; `*` for all at once",
        "any": "any pattern; one sees one's own models",
        "everywhere": "`*`",
    }
    rows = [
        f"| right | {' | '.join(Role)} | held on | lets one |",
        "|---|" + "---|" * (len(Role) + 2),
        *(
            f"| `{name}` | "
            + " | ".join("yes" if role.includes(one.role) else "-" for role in Role)
            + f" | {where[one.scope]} | {one.says} |"
            for name, one in RIGHTS.items()
        ),
    ]
    parts = [
        "# Rights",
        "What each role may do over the APIs. A role is granted on a pattern of model names, and "
        "includes the roles left of it. Every route of the APIs names one right; what is not in "
        "this table nobody may do. How roles are given: [Give access](../how-to/give-access.md).",
        "\n".join(rows),
        "Two lists of the [policy](policy.md) hold beside the roles: `approvers` for answering an "
        "approval, `force.allowed` for forcing. The command line asks for no role: whoever runs it "
        "has the database.",
    ]
    return _page(parts)


def command_line() -> str:
    command = typer.main.get_command(app)
    # Typed as Any: Typer names two classes Context that it uses for one.
    context: Any = command.make_context("governance", [], resilient_parsing=True)
    with context:
        text = get_docs_for_click(obj=command, ctx=context, name="governance")
    return f"{_NOTE}{text.rstrip()}\n"


def _about(one: type[GovernanceError]) -> str:
    own = one.__dict__.get("__doc__")
    return " ".join((own or "").split(">>>")[0].split())


def _page(parts: list[str]) -> str:
    return _NOTE + "\n\n".join(part for part in parts if part) + "\n"


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, content in pages().items():
        (FOLDER / name).write_text(content, encoding="utf-8")
        print(f"docs/reference/{name}")


if __name__ == "__main__":
    main()
