"""The figures of a version are those of the formulas, on the rows of its split, by time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from governance.errors import TrainingError
from governance.evidence.trading import trading_metrics
from governance.training.evaluate import evaluate, measure
from governance.training.positions import positions_from_scores

from .conftest import Trained

Demo = Callable[[str], Trained]


def test_every_split_has_every_declared_metric(each_demo: Trained) -> None:
    found = evaluate(each_demo.trained, each_demo.data, each_demo.declaration)
    members = ["", *(f".{name}" for name in each_demo.trained.members)]
    splits = each_demo.data.splits.named()
    assert set(found) == {f"{split}{member}" for split in splits for member in members}
    for metrics in found.values():
        assert set(metrics) == set(each_demo.declaration.metrics)


def test_scores_are_measured_on_their_own_rows(each_booster: Trained) -> None:
    found = evaluate(each_booster.trained, each_booster.data, each_booster.declaration)
    for split, rows in each_booster.data.splits.named().items():
        score = each_booster.trained.predictions[split]["score"].sort_index()
        truth = each_booster.data.label.iloc[rows]
        assert found[split]["auc"] == pytest.approx(roc_auc_score(truth, score))
        assert found[split]["log_loss"] == pytest.approx(log_loss(truth, score))


def test_money_is_made_one_day_at_a_time_after_costs(demo: Demo) -> None:
    declaration, _, data, trained = demo("momentum")
    found = evaluate(trained, data, declaration)["out_of_sample"]
    rows = data.splits.out_of_sample
    score = trained.predictions["out_of_sample"]["score"].sort_index().to_numpy()
    expected = trading_metrics(
        data.extra["forward_return"].iloc[rows].to_numpy(),
        positions_from_scores(score, long_above=0.5),
        cost_bps=1.0,
        periods_per_year=252,
    )
    for name, value in expected.items():
        assert found[name] == value
    assert found["trades"] == 59.0


def test_the_order_of_predictions_does_not_matter(demo: Demo) -> None:
    declaration, _, data, trained = demo("momentum")
    mixed = {
        name: frame.sample(frac=1, random_state=1) for name, frame in trained.predictions.items()
    }
    again = evaluate(replace(trained, predictions=mixed), data, declaration)
    assert again == evaluate(trained, data, declaration)


def test_without_a_class_the_threshold_is_one_half(demo: Demo) -> None:
    declaration, _, data, trained = demo("arrival_delay")
    frame = trained.predictions["test"]
    half = replace(trained, predictions={"test": frame[["score"]]})
    truth = data.target(frame.index.to_numpy())
    expected = ((frame["score"] > 0.5).to_numpy() == truth).mean()
    assert evaluate(half, data, declaration)["test"]["accuracy"] == pytest.approx(expected)
    stated = evaluate(trained, data, declaration)["test"]["accuracy"]
    assert stated == pytest.approx(((frame["score"] > 0.25).to_numpy() == truth).mean())


def test_a_figure_that_does_not_exist_is_none_with_a_reason(demo: Demo) -> None:
    declaration, _, data, trained = demo("arrival_delay")
    ones = np.flatnonzero(data.label.to_numpy() == 1.0)[:10]
    only = replace(trained, predictions={"test": data.predictions(ones, np.full(10, 0.4))})
    found = measure(only, data, declaration)["test"]
    assert found["auc"] is None
    assert found.reasons["auc"] == "only one class occurs in y_true"


def test_a_trading_model_needs_positions_and_returns(demo: Demo) -> None:
    declaration, _, data, trained = demo("momentum")
    bare = {"test": trained.predictions["validation"][["score"]]}
    with pytest.raises(TrainingError, match="need the column 'position'"):
        evaluate(replace(trained, predictions=bare), data, declaration)
    with pytest.raises(TrainingError, match="the column 'forward_return'"):
        evaluate(trained, replace(data, extra=data.extra.iloc[:, :0]), declaration)


def test_each_member_of_a_bundle_is_measured_on_its_own_label(demo: Demo) -> None:
    declaration, _, data, trained = demo("pivot")
    found = evaluate(trained, data, declaration)
    for split, rows in data.splits.named().items():
        for name, member in trained.members.items():
            score = member.predictions[split]["score"].sort_index()
            truth = data.extra[name].iloc[rows]
            figures = found[f"{split}.{name}"]
            assert figures["auc"] == pytest.approx(roc_auc_score(truth, score))
            acted = score.to_numpy() > member.threshold
            if split != "out_of_sample":  # whose folds have thresholds of their own
                moves = data.extra[f"{name}.mfe_bps"].iloc[rows].to_numpy()[acted]
                assert figures["mfe_bps"] == pytest.approx(moves.mean())
                assert figures["signals"] == acted.sum()
        for metric, value in found[split].items():
            members = [found[f"{split}.{name}"][metric] for name in trained.members]
            assert value == pytest.approx(np.mean(np.array(members, dtype=float)))


def test_a_figure_that_one_member_lacks_does_not_exist_for_the_bundle(demo: Demo) -> None:
    declaration, _, data, trained = demo("pivot")
    name, member = next(iter(trained.members.items()))
    idle = {"test": member.predictions["validation"].assign(predicted=0)}
    others = {
        other: replace(one, predictions={"test": one.predictions["validation"]})
        for other, one in trained.members.items()
    }
    members = {**others, name: replace(member, predictions=idle)}
    found = measure(replace(trained, members=members), data, declaration)
    assert found[f"test.{name}"]["mfe_bps"] is None
    assert found["test"]["mfe_bps"] is None
    assert found["test"].reasons["mfe_bps"] == "1 of 6 members have none"
    assert found["test"]["auc"] is not None
