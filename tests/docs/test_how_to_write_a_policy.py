"""docs/how-to/write-a-policy.md, done to the letter."""

from __future__ import annotations

import re
from pathlib import Path

from governance.config.policy_file import parse_policy
from governance.policy.promotion.effective import effective_limits
from governance.values import Kind
from tests.docs.pages import commands_of, files_of, written
from tests.docs.reader import Reader

PAGE = "how-to/write-a-policy.md"


def test_the_page_writes_shows_and_tries_a_policy(tmp_path: Path) -> None:
    folder = written(tmp_path, PAGE)
    (folder / "config" / "governance.yaml").write_text("models: {}\n")
    policy = folder / "config" / "promotion_policy.yaml"
    reader = Reader(folder, {"GOVERNANCE_POLICY": str(policy)})
    check, show, explain, backtest, more, less = reader.succeeds(commands_of(PAGE))
    assert "momentum" in check and "dana" in check
    assert re.search(r"min_live_sharpe +0\.6 *\n", show)
    for key, value, origin in (
        ("min_live_sharpe", r"0\.6", "kind"),
        ("max_drawdown_threshold", r"0\.03", "model"),
        ("require_approval", "yes", "default"),
        ("modes.champion_comparison", "observe", "model"),
        ("min_shadow_days", "3", "default"),
    ):
        assert re.search(rf"{key} +{value} +{origin} *\n", explain), explain
    assert backtest
    assert "asks less" not in more
    assert "asks less than the policy in min_live_sharpe, modes.drift" in less


def test_the_policy_of_the_page_asks_what_it_says() -> None:
    (text,) = files_of(PAGE).values()
    policy = parse_policy(text.encode())
    limits = effective_limits(
        Kind.TRADING, policy.promotion_layers("momentum", Kind.TRADING)
    ).limits
    assert (limits.min_shadow_sessions, limits.min_live_sharpe) == (10, 0.6)
    assert (limits.max_drawdown_threshold, limits.require_approval) == (0.03, True)
    assert limits.mode_of("champion_comparison") == "observe"
