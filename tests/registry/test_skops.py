"""skops files: our list of types, canonical bytes, limits, and no lie about a tree gets through."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from governance.errors import ArtifactUnloadableError, InvalidInputError, UnsafeFormatError
from governance.registry.formats import loader, skops_archive, skops_file
from governance.registry.formats.skops_archive import Content, pack, unpack
from governance.registry.formats.skops_schema import TRUSTED
from governance.registry.formats.sniff import sniff
from governance.registry.given_files import collect_members
from governance.registry.probe import probe
from tests.registry import lightgbm_models
from tests.registry import sklearn_models as models


def load(data: bytes) -> Any:
    return loader.load_members(
        {"model.skops": data}, allow_pickle=False, digest_is_registered=False
    )


# -- there and back -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", models.KINDS)
def test_a_model_predicts_the_same_after_the_round_trip_and_has_the_same_bytes(kind: str) -> None:
    data = models.archive(kind)
    assert sniff(data) == loader.identify({"model.skops": data}) == "skops"
    again = load(data)
    rows = models.features()
    np.testing.assert_array_equal(again.predict(rows), models.model(kind).predict(rows))
    assert skops_file.dump(again) == data


def test_the_same_fit_gives_the_same_bytes_in_another_process() -> None:
    """What lay in memory before, and where, shows in what the library writes, not in ours."""
    program = (
        "import sys; from tests.registry import sklearn_models as models;"
        "sys.stdout.buffer.write(models.archive('forest'))"
    )
    root = Path(__file__).parents[2]
    elsewhere = subprocess.run(
        [sys.executable, "-c", program],
        cwd=root,
        env={"PYTHONPATH": str(root), "MALLOC_PERTURB_": "170"},
        capture_output=True,
        check=True,
    )
    assert elsewhere.stdout == models.archive("forest")


def test_a_file_that_the_library_wrote_is_read_compressed_or_not(tmp_path: Path) -> None:
    model = models.model("forest")
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        path = tmp_path / f"given-{method}"
        skops.io.dump(model, path, compression=method)
        members, format_name = collect_members(path)
        assert (list(members), format_name) == (["model.skops"], "skops")
        np.testing.assert_array_equal(
            load(path.read_bytes()).predict(models.features()), model.predict(models.features())
        )


def test_names_of_features_and_classes_are_kept() -> None:
    import pandas as pd

    frame = pd.DataFrame(models.features(), columns=["a", "b", "c", "d"])
    labels = np.resize(["late", "on time"], len(frame))
    fitted = RandomForestClassifier(2, max_depth=2, random_state=1).fit(frame, labels)
    data = skops_file.dump(fitted)
    assert data is not None
    again = load(data)
    assert again.feature_names_in_.tolist() == ["a", "b", "c", "d"]
    assert again.predict(frame).tolist() == fitted.predict(frame).tolist()


def test_what_cannot_be_written_is_said() -> None:
    with pytest.raises(InvalidInputError, match="call fit"):
        loader.dump_model(LogisticRegression(), allow_pickle=False)
    fitted = HistGradientBoostingClassifier(max_iter=2).fit(
        models.features(), np.resize([0, 1], models.ROWS)
    )
    with pytest.raises(UnsafeFormatError, match="HistGradientBoostingClassifier.*not trusted"):
        loader.dump_model(fitted, allow_pickle=False)
    assert loader.dump_model(fitted, allow_pickle=True)[1] == "pickle"
    own = make_pipeline(FunctionTransformer(np.abs), LogisticRegression())
    own.fit(models.features(), np.resize([0, 1], models.ROWS))
    with pytest.raises(UnsafeFormatError, match="FunctionTransformer"):
        loader.dump_model(own, allow_pickle=False)


# -- types ----------------------------------------------------------------------------------------


def changed(data: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    """The same file with another schema."""
    content = unpack(data)
    change(content.schema)
    return pack(content)


def nodes(schema: Any, loader_name: str) -> list[dict[str, Any]]:
    found = [schema] if isinstance(schema, dict) and schema.get("__loader__") == loader_name else []
    inside = schema.values() if isinstance(schema, dict) else schema
    if isinstance(schema, dict | list):
        for value in inside:
            found += nodes(value, loader_name)
    return found


def test_our_list_names_types_that_exist_and_none_that_calls() -> None:
    import importlib

    for loader_name, names in TRUSTED.items():
        assert not loader_name.startswith(("Function", "Method", "Partial", "Operator"))
        for name in names:
            module, _, attribute = name.rpartition(".")
            assert isinstance(getattr(importlib.import_module(module), attribute), type)


@pytest.mark.parametrize(
    "name",
    ["os.system", "builtins.eval", "sklearn.cluster._kmeans.KMeans", "skops.io.load", "numpy.load"],
)
@pytest.mark.parametrize("loader_name", ["ObjectNode", "TypeNode", "NdArrayNode", "ListNode"])
def test_a_type_outside_the_list_is_refused_whatever_builds_it(
    name: str, loader_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lie(schema: dict[str, Any]) -> None:
        module, _, attribute = name.rpartition(".")
        nodes(schema, loader_name)[-1].update(__module__=module, __class__=attribute)

    monkeypatch.setattr(skops.io, "loads", pytest.fail)  # the library does not even see it
    with pytest.raises(UnsafeFormatError, match=name):
        load(changed(models.archive("forest"), lie))


@pytest.mark.parametrize(
    "loader_name", ["MethodNode", "PartialNode", "FunctionNode", "OperatorFuncNode", "CachedNode"]
)
@pytest.mark.parametrize("place", ["content", "more"])
def test_a_node_that_could_call_is_refused_wherever_it_hides(loader_name: str, place: str) -> None:
    def lie(schema: dict[str, Any]) -> None:
        inner = {"__class__": "str", "__module__": "builtins", "__loader__": loader_name}
        nodes(schema, "DictNode")[0][place] = {"depth": inner}

    with pytest.raises(UnsafeFormatError, match=loader_name):
        load(changed(models.archive("logistic"), lie))


@pytest.mark.parametrize("protocol", [0, 1, 3, None, True, "2"])
def test_another_protocol_is_refused_since_it_chooses_other_code(protocol: Any) -> None:
    data = changed(models.archive("ridge"), lambda schema: schema.update(protocol=protocol))
    with pytest.raises(UnsafeFormatError, match="protocol"):
        load(data)


def test_the_probe_says_unsafe_without_holding_it_against_the_bytes() -> None:
    def lie(schema: dict[str, Any]) -> None:
        schema.update(__module__="os", __class__="system")

    result = probe({"model.skops": changed(models.archive("ridge"), lie)})
    assert (result.loadable, result.code, result.lasting) == (False, "unsafe_format", False)
    assert "os.system" in result.reason


def test_the_probe_exercises_a_bundle_of_both_formats() -> None:
    good = {
        "model.a.skops": models.archive("forest"),
        "model.b.txt": lightgbm_models.text().encode(),
    }
    result = probe(good)
    assert (result.code, result.reason) == ("ok", "parsed, predicted and written again")
    text = lightgbm_models.text().replace("split_feature=", "split_feature=99999 ", 1)
    assert probe({**good, "model.b.txt": text.encode()}).code == "inconsistent"


def test_a_model_that_predicts_nonsense_is_not_loadable() -> None:
    content = unpack(models.archive("logistic"))
    name = next(n for n, data in content.files.items() if np.load(io.BytesIO(data)).shape == (1, 4))
    buffer = io.BytesIO()
    np.save(buffer, np.full((1, 4), np.nan))
    result = probe(
        {"model.skops": pack(Content(content.schema, {**content.files, name: buffer.getvalue()}))}
    )
    assert (result.loadable, result.code) == (False, "not_finite")


# -- limits ---------------------------------------------------------------------------------------


def zipped(files: dict[str, bytes], *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def test_a_bomb_is_refused_by_its_directory_before_it_is_unpacked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bomb = zipped({"schema.json": b"{}", "0.npy": bytes(skops_archive.MAX_BYTES + 1)})
    assert len(bomb) < 1 << 20
    monkeypatch.setattr(zipfile.ZipFile, "read", pytest.fail)
    with pytest.raises(ArtifactUnloadableError, match="unpacks to more than 256 MiB"):
        load(bomb)
    wide = zipped({"schema.json": b" " * (skops_archive.MAX_SCHEMA_BYTES + 1)})
    with pytest.raises(ArtifactUnloadableError, match="unpacks to more than 32 MiB"):
        load(wide)


def test_a_directory_that_lies_about_a_size_unpacks_no_more_than_it_says() -> None:
    bomb = bytearray(zipped({"schema.json": b"{}" + b" " * (1 << 20)}))
    at = bomb.rindex(b"PK\x01\x02") + 24
    bomb[at : at + 4] = (2).to_bytes(4, "little")
    with pytest.raises(ArtifactUnloadableError):
        load(bytes(bomb))


def test_one_array_named_many_times_counts_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise a small file would fill the memory."""
    monkeypatch.setattr("governance.registry.formats.skops_schema.MAX_BYTES", 4000)
    with pytest.raises(ArtifactUnloadableError, match="arrays take more than"):
        load(models.archive("forest"))


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({"0.npy": b""}, "there is no schema.json"),
        ({"schema.json": b"[1]"}, "holds a list"),
        ({"schema.json": b"{"}, "JSONDecodeError"),
        ({"schema.json": b'{"a":' * 100_000 + b"1" + b"}" * 100_000}, "RecursionError"),
        ({"schema.json": b"{}", "../0.npy": b""}, "no array"),
        ({"schema.json": b"{}", "0.pkl": b""}, "no array"),
    ],
)
def test_an_archive_that_is_none_of_ours_is_refused(files: dict[str, bytes], problem: str) -> None:
    with pytest.raises(ArtifactUnloadableError, match=problem):
        skops_file.load(zipped(files))


def test_objects_nested_without_end_are_refused() -> None:
    inner: dict[str, Any] = {"__class__": "list", "__module__": "builtins"}
    inner |= {"__loader__": "ListNode", "content": []}
    for _ in range(60):
        inner = {**inner, "content": [inner]}
    with pytest.raises(ArtifactUnloadableError, match="nested"):
        skops_file.load(pack(Content({**inner, "protocol": 2}, {})))


@pytest.mark.parametrize(
    "data",
    [
        b"\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'fortran_order': False, 'shape': (9999999999,), }",
        b"\x80\x05N.",
        b"PK\x03\x04",
        b"",
    ],
)
def test_an_array_that_is_not_what_it_says_is_refused(data: bytes) -> None:
    content = unpack(models.archive("ridge"))
    files = dict.fromkeys(content.files, data.ljust(128))
    with pytest.raises(ArtifactUnloadableError):
        skops_file.load(pack(Content(content.schema, files)))


# -- trees ----------------------------------------------------------------------------------------


def with_tree(change: Callable[[np.ndarray[Any, Any]], None], field: str = "nodes") -> bytes:
    """A decision tree with other nodes (a record array) or values."""
    content = unpack(models.archive("tree"))
    (tree,) = nodes(content.schema, "TreeNode")
    name = tree["content"]["content"][field]["file"]
    array = np.load(io.BytesIO(content.files[name])).copy()
    change(array)
    buffer = io.BytesIO()
    np.save(buffer, array)
    return pack(Content(content.schema, {**content.files, name: buffer.getvalue()}))


def put(field: str, row: int, value: float, array: np.ndarray[Any, Any]) -> None:
    array[field][row] = value


@pytest.mark.parametrize(
    ("field", "row", "value", "problem"),
    [
        ("left_child", 0, 0, "no tree"),
        ("left_child", 0, 10_000_000, "no tree"),
        ("right_child", 0, -5, "no tree"),
        ("right_child", -1, 3, "leaf has a child"),
        ("left_child", -1, -7, "leaf has a child"),
        ("feature", 0, 4, "outside its 4"),
        ("feature", 0, -2, "outside its 4"),
        ("feature", 0, 2**40, "outside its 4"),
        ("threshold", 0, np.nan, "not finite"),
    ],
)
def test_a_lie_of_a_node_is_found_before_anything_is_built(
    field: str, row: int, value: float, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(skops.io, "loads", pytest.fail)
    with pytest.raises(ArtifactUnloadableError, match=problem):
        load(with_tree(partial(put, field, row, value)))


def test_values_that_are_not_finite_are_refused() -> None:
    with pytest.raises(ArtifactUnloadableError, match="not finite"):
        load(with_tree(lambda values: values.fill(np.inf), "values"))


@pytest.mark.parametrize("kind", ["tree", "forest"])
@pytest.mark.parametrize(
    ("attribute", "value"), [("n_features_in_", "400"), ("n_features_in_", None)]
)
def test_an_estimator_that_would_let_narrower_rows_through_is_refused(
    kind: str, attribute: str, value: str | None
) -> None:
    def lie(schema: dict[str, Any]) -> None:
        attributes = schema["content"]["content"]
        if value is None:
            del attributes[attribute]
            schema["content"]["key_types"]["content"].pop()
        else:
            attributes[attribute]["content"] = value

    with pytest.raises(ArtifactUnloadableError, match="features"):
        load(changed(models.archive(kind), lie))


@pytest.mark.parametrize("key", ["max_depth", "node_count"])
@pytest.mark.parametrize("value", ["1000000", "-1", "1.5", "true", '"7"', "null"])
def test_a_count_that_compiled_code_would_believe_is_checked(key: str, value: str) -> None:
    def lie(schema: dict[str, Any]) -> None:
        (tree,) = nodes(schema, "TreeNode")
        tree["content"]["content"][key]["content"] = value

    with pytest.raises(ArtifactUnloadableError):
        load(changed(models.archive("tree"), lie))


@pytest.mark.parametrize("place", [0, 2])
def test_numbers_of_features_and_outputs_are_checked(place: int) -> None:
    def lie(schema: dict[str, Any]) -> None:
        (tree,) = nodes(schema, "TreeNode")
        tree["__reduce__"]["args"]["content"][place]["content"] = "77"

    with pytest.raises(ArtifactUnloadableError, match="features|outputs"):
        load(changed(models.archive("tree"), lie))


def test_a_schema_without_what_a_node_needs_is_damaged_not_a_crash() -> None:
    text = json.dumps(unpack(models.archive("tree")).schema)
    for key in ("content", "file", "type", "key_types", "__reduce__", "args", "shape"):
        schema = json.loads(text.replace(f'"{key}":', f'"{key}_":'))
        if schema != json.loads(text):
            with pytest.raises((ArtifactUnloadableError, UnsafeFormatError)):
                skops_file.load(pack(Content(schema, unpack(models.archive("tree")).files)))
