"""``governance.yaml``: a mistake is refused at its place, a good file means what it says."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.canonical import sha256_of
from governance.config import GovernanceConfig, load_config, parse_config
from governance.config.words import check_cron, check_function, format_duration, parse_duration
from governance.errors import ConfigError
from governance.policy.facts import MetricLimit

DECLARED = Path(__file__).parents[2] / "config" / "governance.yaml"
GOOD = """\
models:
  momentum:
    kind: trading
    owner: quant-team
    source: {function: "bars.spx:read", params: {folder: /data}}
    label: {function: "bars.label:direction", params: {horizon: 5}}
    features:
      inputs: [close]
      definitions:
        - {name: r1, version: "1", dependencies: [close], logic: "bars.logic:log_return"}
        - {name: close, version: "1", dependencies: [close]}
    trainer: {function: "bars.train:fit", seed: 7, params: {num_leaves: 15}}
    splits: {method: walk_forward, folds: 5, purge: 5, embargo: 5, test_size: 250}
    data_quality: {min_rows: 1000, max_age: 7d, ranges: {close: {min: 0}}}
    metrics: [auc, sharpe, max_drawdown]
    trading: {cost_bps: 1, periods_per_year: 252}
    schedule: "0 6 * * 1-5"
    timezone: America/New_York
    policy:
      validation:
        - {metric: auc, split: out_of_sample, min: 0.5}
        - {metric: max_drawdown, split: out_of_sample, max: 0.35, mode: observe}
"""


def config(text: str) -> GovernanceConfig:
    return parse_config(text.encode(), source="governance.yaml")


def test_the_declared_demo_models_are_taken() -> None:
    declared = load_config(DECLARED)
    assert {"momentum", "arrival_delay"} <= set(declared.models)
    assert all(model.validation_policy().limits for model in declared.models.values())


def test_a_good_file_means_what_it_says() -> None:
    model = config(GOOD).model("momentum")
    assert model.data_quality.max_age == timedelta(days=7)
    assert model.trading is not None and model.trading.cost_bps == 1.0
    assert model.features.definitions[1].logic == "column"
    assert model.validation_policy().limits == (
        MetricLimit(metric="auc", split="out_of_sample", min=0.5),
        MetricLimit(metric="max_drawdown", split="out_of_sample", max=0.35, mode="observe"),
    )


def test_a_declaration_survives_being_written_as_json_and_read_again() -> None:
    model = config(GOOD).model("momentum")
    assert type(model).model_validate_json(model.model_dump_json(), strict=True) == model


@pytest.mark.parametrize(
    ("old", "new", "place", "said"),
    [
        ("kind: trading", "kind: tradng", "3:11", "'trading', 'classifier' or 'regressor'"),
        ("  momentum:", "  Momentum:", "2:3", "model name 'Momentum' is not allowed"),
        ("  momentum:", "  ../etc:", "2:3", "model name '../etc' is not allowed"),
        ("    timezone:", "    timezon:", "18:5", "'timezon'; did you mean 'timezone'?"),
        ("    owner: quant-team\n", "", "3:5", "models.momentum.owner is missing"),
        ("quant-team", "5", "4:12", "valid string"),
        ("quant-team", "' '", "4:12", "printable characters"),
        ("quant-team", "a" * 256, "4:12", "printable characters"),
        ("quant-team", '"a\\nb"', "4:12", "printable characters"),
        ("quant-team", "yes\n    extra: 1", "5:5", "known here: bundle, data_quality"),
        ("bars.spx:read", "bars.spx", "5:24", "module:function"),
        ("bars.spx:read", "bars/../x:read", "5:24", "module:function"),
        ("inputs: [close]", "inputs: []", "8:15", "at least 1 item"),
        ('version: "1", dependencies: [close], l', "version: 1, l", "10:31", "valid string"),
        ("seed: 7", "seed: 7.5", "12:49", "integer"),
        ("seed: 7", "seed: true", "12:49", "integer"),
        ("seed: 7", "seed: '7'", "12:49", "integer"),
        ("seed: 7", "sede: 7", "12:43", "did you mean 'seed'?"),
        ("walk_forward", "random", "13:13", "'walk_forward', 'time'"),
        ("folds: 5", "folds: 0", "13:43", "greater than or equal to 1"),
        ("folds: 5", "fold: 5", "13:36", "did you mean 'folds'?"),
        ("max_age: 7d", "max_age: 7y", "14:45", "36h or 7d"),
        ("max_age: 7d", "max_age: 7", "14:45", "36h or 7d"),
        ("{close: {min: 0}}", "{close: {min: 2, max: 1}}", "14:65", "min is above max"),
        ("{close: {min: 0}}", "{close: {}}", "14:65", "give min, max or both"),
        ("[auc, sharpe", "[acu, auc, sharpe", "15:14", "did you mean 'auc'?"),
        ("[auc, sharpe", "[auc, auc, sharpe", "15:14", "named twice"),
        ("[auc, sharpe, max_drawdown]", "[auc, sharpe]", "3:5", "max_drawdown, which is never"),
        ("cost_bps: 1", "cost_bps: -1", "16:25", "greater than or equal to 0"),
        ("    trading: {cost_bps: 1, periods_per_year: 252}\n", "", "3:5", "needs the section"),
        ("kind: trading", "kind: regressor", "3:5", "has no use for the section trading"),
        ("0 6 * * 1-5", "0 25 * * *", "17:15", "'25' is no hour"),
        ("0 6 * * 1-5", "*/99 6 * * *", "17:15", "'*/99' is no minute"),
        ("0 6 * * 1-5", "0 */24 * * *", "17:15", "'*/24' is no hour"),
        ("0 6 * * 1-5", "0 6 30 feb *", "17:15", "no such month has a day 30"),
        ("0 6 * * 1-5", "0 6 31 4,6,9,11 *", "17:15", "no such month has a day 31"),
        ("0.5}", "0.5}\n        - {metric: auc, split: test, min: 0.5}", "3:5", "never makes"),
        ("0 6 * * 1-5", "0 6 * *", "17:15", "five cron fields"),
        ("America/New_York", "Mars/Base", "18:15", "no IANA time zone"),
        ("America/New_York", "../../etc/passwd", "18:15", "no IANA time zone"),
        ("min: 0.5", "min: 50", "21:11", "auc is never above 1"),
        ("min: 0.5", "mode: enforce", "21:11", "give min, max or both"),
        ("mode: observe", "mode: ignore", "22:73", "'enforce' or 'observe'"),
        ("max: 0.35", "max: -0.35", "22:11", "max_drawdown is never below 0"),
    ],
)  # fmt: skip
def test_a_mistake_is_refused_at_its_line_and_column(
    old: str, new: str, place: str, said: str
) -> None:
    assert old in GOOD
    with pytest.raises(ConfigError) as caught:
        config(GOOD.replace(old, new, 1))
    lines = caught.value.message.splitlines()
    assert any(line.startswith(f"governance.yaml:{place}: ") and said in line for line in lines), (
        lines
    )
    assert len(lines) == 1, "one mistake, one message"


def test_all_mistakes_of_a_file_are_told_at_once() -> None:
    text = GOOD.replace("seed: 7", "sede: 7").replace("7d", "7y").replace("auc, sharpe", "sharpe")
    with pytest.raises(ConfigError) as caught:
        config(text)
    assert len(caught.value.message.splitlines()) == 2
    with pytest.raises(ConfigError, match="auc, which is never measured"):
        config(GOOD.replace("auc, sharpe", "sharpe"))


def test_no_message_repeats_a_value_of_the_parameters() -> None:
    text = GOOD.replace("{folder: /data}", "{token: hunter2}").replace("owner:", "onwer:")
    with pytest.raises(ConfigError) as caught:
        config(text)
    assert "hunter2" not in caught.value.message


def test_a_missing_file_declares_no_model(tmp_path: Path) -> None:
    assert load_config(tmp_path / "governance.yaml") == GovernanceConfig()


@pytest.mark.parametrize("data", [b"", b"# nothing yet\n", b"---\n"])
def test_an_empty_file_is_no_missing_file(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "governance.yaml"
    path.write_bytes(data)
    with pytest.raises(ConfigError, match="the file is empty"):
        load_config(path)


def test_a_folder_or_a_dangling_link_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a folder; give the path of a regular file"):
        load_config(tmp_path)
    link = tmp_path / "governance.yaml"
    link.symlink_to(tmp_path / "gone.yaml")
    with pytest.raises(ConfigError, match="readable file"):
        load_config(link)


def test_a_pipe_or_device_in_the_place_of_the_file_is_refused_at_once(tmp_path: Path) -> None:
    pipe = tmp_path / "governance.yaml"
    os.mkfifo(pipe)
    for path in (pipe, Path("/dev/zero"), Path("/dev/stdin")):
        with pytest.raises(ConfigError, match="regular file"):
            load_config(path)


def test_a_link_to_the_file_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real.yaml").write_text("models: {}\n")
    link = tmp_path / "governance.yaml"
    link.symlink_to("real.yaml")
    assert load_config(link).models == {}


def test_a_list_in_the_place_of_the_file_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"^governance\.yaml:1:1: "):
        config("- models\n")


def test_an_undeclared_model_is_refused_with_the_declared_names() -> None:
    with pytest.raises(ConfigError, match=r"'momentm' is not declared.*declared: momentum"):
        config(GOOD).model("momentm")


def test_only_what_decides_the_model_is_in_its_training_config() -> None:
    before = sha256_of(config(GOOD).model("momentum").training_config())

    def after(old: str, new: str) -> str:
        assert old in GOOD
        return sha256_of(config(GOOD.replace(old, new, 1)).model("momentum").training_config())

    for old, new in (
        ("quant-team", "others"),
        ("0 6 * * 1-5", "@daily"),
        ("min: 0.5", "min: 0.6"),
        ("min_rows: 1000", "min_rows: 999"),
        ("name: r1", "name: r2"),
    ):
        assert after(old, new) == before, new
    for old, new in (
        ("seed: 7", "seed: 8"),
        ("num_leaves: 15", "num_leaves: 16"),
        ("horizon: 5", "horizon: 6"),
        ("/data", "/date"),
        ("embargo: 5", "embargo: 6"),
        ("cost_bps: 1", "cost_bps: 2"),
    ):
        assert after(old, new) != before, new


@pytest.mark.parametrize(
    "line",
    ["0 6 29 2 *", "0 6 31 * *", "0 6 30 2,3 *", "0 6 30 2 1", "0 6 28-31 2 *", "*/59 * * * *"],
)
def test_a_day_that_comes_now_and_then_is_a_schedule(line: str) -> None:
    assert check_cron(line) == line


@pytest.mark.parametrize(
    ("method", "split", "taken"),
    [
        ("walk_forward", "out_of_sample", True),
        ("walk_forward", "test", False),
        ("walk_forward", "own", True),
        ("time", "test", True),
        ("time", "out_of_sample", False),
        ("time", "own", True),
    ],
)
def test_a_limit_asks_for_a_split_that_is_made(method: str, split: str, taken: bool) -> None:
    text = GOOD.replace("split: out_of_sample", f"split: {split}")
    if method == "time":
        start, end = text.index("{method"), text.index("250}") + 4
        text = text[:start] + "{method: time}" + text[end:]
    if taken:
        assert config(text).model("momentum").splits.method == method
    else:
        with pytest.raises(ConfigError, match=f"the split {split}, which method {method} never"):
            config(text)


@given(st.timedeltas(min_value=timedelta(seconds=1), max_value=timedelta(days=36_500)))
def test_a_duration_is_read_back_as_it_was_written(value: timedelta) -> None:
    whole = timedelta(seconds=value // timedelta(seconds=1))
    assert parse_duration(format_duration(whole)) == whole


field = st.sampled_from(
    [
        "*",
        "*/5",
        "1",
        "0",
        "7",
        "1-5",
        "5-1",
        "1,2",
        "60",
        "mon",
        "JAN",
        "x",
        "1-",
        "*-2",
        "0-6/2",
        "32",
        "*/31",
        "3/12",
        "30",
        "2",
    ]
)


@given(st.lists(field, min_size=4, max_size=6))
def test_a_schedule_that_is_taken_is_taken_by_the_scheduler_too(fields: list[str]) -> None:
    croniter = pytest.importorskip("croniter").croniter
    line = " ".join(fields)
    try:
        check_cron(line)
    except ValueError:
        return
    assert croniter.is_valid(line)


@given(st.text(max_size=30))
def test_a_function_name_is_two_dotted_names_or_refused(text: str) -> None:
    try:
        check_function(text)
    except ValueError:
        return
    module, _, function = text.partition(":")
    assert function.isidentifier() and all(part.isidentifier() for part in module.split("."))


def test_reading_the_configuration_loads_no_data_library() -> None:
    code = (
        "import sys, governance.config as c; "
        f"c.load_config(__import__('pathlib').Path({str(DECLARED)!r})); "
        "heavy = {'pandas', 'numpy', 'lightgbm', 'sklearn', 'airflow', 'sqlalchemy'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
