"""The bundle of forests: every declared member, thresholds from validation rows alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from governance.errors import ConfigError, TrainingError
from governance.registry.formats.loader import dump_model, load_members
from governance.training.bundle import bundle_facts, require_declared
from governance.training.data import Member, TrainedModel, check_trained
from governance.training.evaluate import evaluate
from governance.training.prepare import trainer_config
from governance.training.trainers.forest import best_threshold, train
from governance.values import Kind
from tests.training.conftest import Trained

Demo = Callable[[str], Trained]
MEMBERS = {f"{target}_{h}" for target in ("reject", "break") for h in (5, 15, 60)}


def test_every_declared_member_is_there_small_and_readable(demo: Demo) -> None:
    declaration, _, data, trained = demo("pivot")
    assert set(trained.members) == set(trained.model) == MEMBERS
    members, format_name = dump_model(trained.model, allow_pickle=False)
    assert format_name == "skops"
    assert set(members) == {f"model.{name}.skops" for name in MEMBERS}
    assert max(map(len, members.values())) < 400_000
    again = load_members(members, allow_pickle=False, digest_is_registered=False)
    rows = data.splits.final.validation
    for name, member in trained.members.items():
        found = again[name].predict_proba(data.matrix(rows).to_numpy())[:, 1]
        scored = member.predictions["validation"]
        np.testing.assert_array_equal(found, scored["score"].to_numpy())
        assert 0 <= member.threshold <= 1
        acted = (scored["score"] > member.threshold).astype(int)
        assert acted.equals(scored["predicted"])
        assert acted.mean() >= 0.1
    facts = bundle_facts(trained, members, evaluate(trained, data, declaration))
    assert facts is not None
    assert (facts["targets"], facts["horizons"]) == (["break", "reject"], [5, 15, 60])
    assert facts["members"]["reject:5"] == "model.reject_5.skops"
    for what in ("thresholds", "mfe_bps", "mae_bps"):
        assert facts[what].keys() == facts["members"].keys()
        assert all(value >= 0 for value in facts[what].values())


def test_the_same_seed_gives_the_same_bytes_and_another_one_others(demo: Demo) -> None:
    declaration, _, data, _ = demo("pivot")
    config = replace(
        trainer_config(declaration), params={"trees": 5}, members={"reject_5": ("reject", 5)}
    )
    one, two, other = (
        dump_model(train(data, given).model, allow_pickle=False)[0]
        for given in (config, config, replace(config, seed=8))
    )
    assert one == two != other


def test_test_rows_decide_neither_model_nor_threshold(demo: Demo) -> None:
    declaration, _, data, _ = demo("pivot")
    config = replace(
        trainer_config(declaration), params={"trees": 5}, members={"break_15": ("break", 15)}
    )
    fold = data.splits.folds[-1]
    only = replace(data, splits=replace(data.splits, folds=(fold,)))
    extra = data.extra.copy()
    extra.loc[fold.test, "break_15"] = 1.0 - extra.loc[fold.test, "break_15"]
    before = train(only, config).members["break_15"].predictions["out_of_sample"]
    after = train(replace(only, extra=extra), config).members["break_15"]
    assert before.equals(after.predictions["out_of_sample"])


def test_a_threshold_separates_best_and_acts_on_enough() -> None:
    label = np.array([0, 0, 0, 1, 1, 0, 1, 0, 0, 0], dtype=float)
    scores = np.array([0.1, 0.2, 0.3, 0.6, 0.7, 0.4, 0.8, 0.3, 0.2, 0.1])
    assert best_threshold(label, scores, least=0.1) == 0.5
    assert best_threshold(label, scores, least=0.35) == pytest.approx(0.35)
    assert best_threshold(np.ones(4), np.arange(4) / 4, least=0.1) == 0.5
    assert best_threshold(label, np.full(10, 0.3), least=0.1) == 0.5


def test_what_is_missing_is_named(demo: Demo) -> None:
    declaration, _, data, _ = demo("pivot")
    config = trainer_config(declaration)
    with pytest.raises(ConfigError, match="section bundle"):
        train(data, replace(config, members={}))
    with pytest.raises(ConfigError, match="section bundle"):
        train(data, replace(config, kind=Kind.REGRESSOR))
    with pytest.raises(ConfigError, match="leaves are unknown"):
        train(data, replace(config, params={"leaves": 3}))
    with pytest.raises(TrainingError, match="no label reject_7"):
        train(data, replace(config, members={"reject_7": ("reject", 7)}))
    flat = replace(data, extra=data.extra.assign(reject_5=0.0))
    with pytest.raises(TrainingError, match="one class of reject_5"):
        train(flat, config)


def test_a_bundle_is_what_was_declared_with_its_labels(demo: Demo) -> None:
    declaration, _, data, trained = demo("pivot")
    require_declared(declaration, trained, data, trainer="t")
    for wrong, problem in (
        (declaration.model_copy(update={"bundle": None}), "none are declared"),
        (declaration, "no labels of break_60"),
    ):
        bare = (
            data
            if wrong is not declaration
            else replace(data, extra=data.extra.drop(columns="break_60"))
        )
        with pytest.raises(TrainingError, match=problem):
            require_declared(wrong, trained, bare, trainer="t")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda t: replace(t, model={}), "a mapping with one model"),
        (lambda t: replace(t, model=t.model["reject_5"]), "a mapping with one model"),
        (lambda t: broken(t, threshold=1.5), "threshold must be"),
        (lambda t: broken(t, threshold=float("nan")), "threshold must be"),
        (lambda t: broken(t, horizon=6), "Member of that target"),
        (lambda t: broken(t, predictions={}), "no predictions of reject_5"),
        (lambda t: broken(t, predictions=[]), "must be a dict"),
        (lambda t: broken(t, predictions={"test": 3}), "split 'test' of reject_5"),
    ],
)
def test_a_bundle_that_is_none_is_refused(
    demo: Demo, change: Callable[[TrainedModel], TrainedModel], problem: str
) -> None:
    _, _, data, trained = demo("pivot")
    with pytest.raises(TrainingError, match=problem):
        check_trained(change(trained), data, trainer="mine:train")


def broken(trained: TrainedModel, **changes: object) -> TrainedModel:
    member: Member = replace(trained.members["reject_5"], **changes)  # type: ignore[arg-type]  # wrong on purpose
    return replace(trained, members={**trained.members, "reject_5": member})
