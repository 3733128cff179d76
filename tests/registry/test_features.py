"""A feature graph: one hash for one meaning, no graph refused by name, computed in order."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from governance.canonical import canonical_json
from governance.errors import FeatureGraphError, FeatureGraphMismatchError
from governance.registry.feature_definition import FeatureDefinition
from governance.registry.features import FeatureGraph

SAMPLES = Path(__file__).parent / "samples"


@pytest.fixture(autouse=True)
def samples_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SAMPLES))


def column(name: str, *dependencies: str, **more: Any) -> FeatureDefinition:
    """A feature whose logic needs no code, or the code of ``as_array`` for several dependencies."""
    logic = "column" if len(dependencies) == 1 else "sample_logic:as_array"
    return FeatureDefinition(name, "1", dependencies, logic, **more)


SPREAD = FeatureDefinition("spread_5", "1", ("high", "low"), "sample_logic:spread", {"window": 5})
LAST = FeatureDefinition("last", "1", ("low",), "column")
GRAPH = FeatureGraph([SPREAD, LAST], ["high", "low"])
DATA = pd.DataFrame({"low": [1.0, 2.0, 4.0], "high": [2.0, 3.0, 5.0], "other": ["x", "y", "z"]})


# -- one meaning, one hash -------------------------------------------------------------------------


@st.composite
def acyclic(draw: st.DrawFn) -> list[FeatureDefinition]:
    names = [f"f{n}" for n in draw(st.permutations(range(draw(st.integers(1, 6)))))]
    return [
        column(name, *draw(st.sets(st.sampled_from(["x", "y", *names[:place]]), min_size=1)))
        for place, name in enumerate(names)
    ]


@given(acyclic(), st.randoms())
def test_the_order_of_declaration_does_not_matter(
    definitions: list[FeatureDefinition], random: Any
) -> None:
    one = FeatureGraph(definitions, ["x", "y"])
    random.shuffle(definitions)
    two = FeatureGraph(definitions, ["y", "x"])
    assert (one.hash, one.order, one.outputs) == (two.hash, two.order, two.outputs)
    for name, definition in one.definitions.items():
        waited_for = [n for n in definition.dependencies if n in one.definitions]
        assert all(one.order.index(n) < one.order.index(name) for n in waited_for)


@given(acyclic())
def test_a_graph_survives_its_spec(definitions: list[FeatureDefinition]) -> None:
    graph = FeatureGraph(definitions, ["x", "y"])
    read = FeatureGraph.from_spec(json.loads(canonical_json(graph.spec())))
    assert read.hash == graph.hash
    assert read.diff(graph) == ()


@given(acyclic(), acyclic())
def test_hashes_are_equal_exactly_when_no_change_is_named(
    one: list[FeatureDefinition], two: list[FeatureDefinition]
) -> None:
    left, right = FeatureGraph(one, ["x", "y"]), FeatureGraph(two, ["x", "y"])
    assert (left.hash == right.hash) == (left.diff(right) == ())


CHANGED = {
    "version": (replace(SPREAD, version="2"), "feature spread_5: version 1 → 2"),
    "params": (
        replace(SPREAD, params={"window": 21}),
        "feature spread_5: params window 5 → 21",
    ),
    "a param less": (replace(SPREAD, params={}), "feature spread_5: params window 5 → null"),
    "dependencies": (
        replace(SPREAD, dependencies=("low", "high")),
        'feature spread_5: dependencies ["high","low"] → ["low","high"]',
    ),
    "logic": (
        replace(SPREAD, logic="sample_logic:label"),
        "feature spread_5: logic sample_logic:spread → sample_logic:label",
    ),
    "output": (replace(SPREAD, output=False), "feature spread_5: output true → false"),
    "name": (replace(SPREAD, name="spread"), "feature spread_5 is missing"),
}


@pytest.mark.parametrize("what", CHANGED)
def test_every_change_of_a_definition_is_refused_and_named(what: str) -> None:
    definition, said = CHANGED[what]
    other = FeatureGraph([definition, LAST], ["high", "low"])
    assert other.hash != GRAPH.hash
    assert said in GRAPH.diff(other)
    with pytest.raises(FeatureGraphMismatchError) as caught:
        GRAPH.require_same(other)
    assert said in caught.value.message


def test_inputs_are_part_of_the_graph() -> None:
    other = FeatureGraph([SPREAD, LAST], ["high", "low", "volume"])
    assert GRAPH.diff(other) == ("input volume is new",)
    assert other.hash != GRAPH.hash


def test_equal_graphs_are_the_same() -> None:
    GRAPH.require_same(FeatureGraph([LAST, SPREAD], ["low", "high"]))


def test_params_are_what_json_gives_back() -> None:
    one = replace(SPREAD, params={"window": 5, "bands": (1, 2)})
    assert one.params == {"window": 5, "bands": [1, 2]}


# -- the code behind a feature ---------------------------------------------------------------------

CODE = '''
import pandas as pd
SCALE = {scale}
def spread(frame, *, window=2):
    """{docstring}"""
    # {comment}
    return helper(frame.iloc[:, 0]){layout} * SCALE + window
def helper(values):
    return values {operator} 1.0
def unrelated():
    return {unrelated}
'''
BASE = {
    "scale": "1",
    "docstring": "one",
    "comment": "one",
    "layout": "",
    "operator": "+",
    "unrelated": "1",
}


@pytest.fixture
def code_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The hash of a graph over a module that is written anew with every call."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    written: list[str] = []

    def hash_with(**changes: str) -> FeatureGraph:
        written.append(f"written_logic_{len(written)}")
        module = tmp_path / "written_logic.py"
        module.write_text(CODE.format(**{**BASE, **changes}) + f"# {'x' * len(written)}\n")
        sys.modules.pop("written_logic", None)
        importlib.invalidate_caches()
        graph = FeatureGraph([FeatureDefinition("f", "1", ("x",), "written_logic:spread")], ["x"])
        assert graph.hash
        return graph

    yield hash_with
    sys.modules.pop("written_logic", None)


@pytest.mark.parametrize(
    "change",
    [{"operator": "-"}, {"scale": "2"}, {"scale": "[1]"}],
    ids=["helper", "number", "list"],
)
def test_a_change_of_the_code_changes_the_hash(code_hash: Any, change: dict[str, str]) -> None:
    one, two = code_hash(), code_hash(**change)
    assert one.hash != two.hash
    assert one.diff(two) == ("feature f: the code of written_logic:spread changed",)


@pytest.mark.parametrize(
    "change",
    [
        {"docstring": "two\n\n    more"},
        {"comment": "two\n\n\n    # three"},
        {"layout": "\\\n           "},
        {"unrelated": "2"},
    ],
    ids=["docstring", "comment", "layout", "another function"],
)
def test_what_does_nothing_does_not_count(code_hash: Any, change: dict[str, str]) -> None:
    assert code_hash().hash == code_hash(**change).hash


def test_a_recorded_graph_refuses_other_code(code_hash: Any) -> None:
    spec = code_hash().spec()
    code_hash(operator="-")
    with pytest.raises(FeatureGraphMismatchError, match=r"code of written_logic:spread is not"):
        FeatureGraph.from_spec(spec).compute(pd.DataFrame({"x": [1.0]}))


def test_specs_are_compared_where_their_code_is_not_installed() -> None:
    spec = GRAPH.spec()
    for record in spec["definitions"]:
        if record["logic"] != "column":
            record["logic"] = "not_installed:spread"
    graph = FeatureGraph.from_spec(spec)
    assert graph.diff(GRAPH) == (
        "feature spread_5: logic not_installed:spread → sample_logic:spread",
    )


@pytest.mark.parametrize(
    ("logic", "said"),
    [
        ("sample_logic.spread", "write 'module:function'"),
        ("sample_logic:missing", "cannot be imported"),
        ("not_installed:spread", "cannot be imported"),
        ("sample_logic:SCALE", "is no function"),
        ("sample_logic:closed", "top of a Python module"),
        ("sample_logic:anonymous", "top of a Python module"),
        ("math:sqrt", "top of a Python module"),
        ("os:system(1)", "write 'module:function'"),
    ],
)
def test_code_that_cannot_be_pinned_is_refused(logic: str, said: str) -> None:
    graph = FeatureGraph([FeatureDefinition("f", "1", ("x",), logic)], ["x"])
    with pytest.raises(FeatureGraphError, match=said):
        _ = graph.hash


# -- what is no graph ------------------------------------------------------------------------------


def test_a_cycle_is_named_by_its_path() -> None:
    ring = [column("c", "b"), column("b", "a"), column("a", "c", "x"), column("d", "c")]
    with pytest.raises(FeatureGraphError, match="a → c → b → a"):
        FeatureGraph(ring, ["x"])


def test_a_feature_of_itself_is_a_cycle() -> None:
    with pytest.raises(FeatureGraphError, match="a → a"):
        FeatureGraph([column("a", "a", "x")], ["x"])


@given(acyclic(), st.data())
def test_every_added_back_edge_is_found(definitions: list[FeatureDefinition], data: Any) -> None:
    graph = FeatureGraph(definitions, ["x", "y"])
    last = data.draw(st.sampled_from(definitions))
    above, front = set(), [last.name]
    while front:
        name = front.pop()
        above.add(name)
        front += [n for n in graph.definitions[name].dependencies if n in graph.definitions]
    first = data.draw(st.sampled_from(sorted(above)))
    assume(last.name not in graph.definitions[first].dependencies)
    old = graph.definitions[first]
    looped = column(first, *old.dependencies, last.name)
    rest = [one for one in definitions if one.name != first]
    with pytest.raises(FeatureGraphError, match="depend on each other"):
        FeatureGraph([*rest, looped], ["x", "y"])


@pytest.mark.parametrize(
    ("definitions", "inputs", "said"),
    [
        ([column("a", "nowhere")], ["x"], r"feature a depends on \['nowhere'\]"),
        ([column("a", "x"), column("a", "y")], ["x", "y"], r"names given twice: \['a'\]"),
        ([column("x", "y")], ["x", "y"], r"names given twice: \['x'\]"),
        ([], ["x", "x"], r"names given twice: \['x'\]"),
        ([], [], "at least one input"),
        ([column("a", "x", output=False)], ["x"], "no feature is an output"),
    ],
)
def test_definitions_that_form_no_graph_are_refused_by_name(
    definitions: list[FeatureDefinition], inputs: list[str], said: str
) -> None:
    with pytest.raises(FeatureGraphError, match=said):
        FeatureGraph(definitions, inputs)


@pytest.mark.parametrize(
    "fields",
    [
        {"version": 1},
        {"name": " "},
        {"dependencies": []},
        {"dependencies": "low"},
        {"dependencies": ["low", "low"]},
        {"dependencies": ["low", "high"], "logic": "column"},
        {"params": {"window": float("nan")}},
        {"params": {1: 2}},
        {"params": None},
        {"output": "no"},
        {"unknown": 1},
        {"name": None},
    ],
    ids=str,
)
def test_a_spec_with_a_wrong_definition_is_refused(fields: dict[str, Any]) -> None:
    definition = {
        "name": "a",
        "version": "1",
        "dependencies": ["low"],
        "logic": "sample_logic:as_array",
        **fields,
    }
    with pytest.raises(FeatureGraphError):
        FeatureGraph.from_spec({"inputs": ["low", "high"], "definitions": [definition]})


@pytest.mark.parametrize(
    "given", ["close", b"close", 7, [], ["a", 1], {"columns": ["a"]}, {"definitions": ["a"]}]
)
def test_other_things_are_no_features(given: object) -> None:
    with pytest.raises(FeatureGraphError):
        FeatureGraph.of(given)


def test_a_graph_of_a_graph_a_spec_columns_or_nothing() -> None:
    assert FeatureGraph.of(GRAPH) is GRAPH
    from_spec, columns = FeatureGraph.of(GRAPH.spec()), FeatureGraph.of(["b", "a"])
    assert from_spec is not None and from_spec.hash == GRAPH.hash
    assert columns is not None and columns.outputs == ("b", "a")
    assert FeatureGraph.of(None) is None


def test_the_order_of_plain_columns_counts() -> None:
    one, two = FeatureGraph((), ["a", "b"]), FeatureGraph((), ["b", "a"])
    assert one.hash != two.hash
    assert "another order" in one.diff(two)[0]


# -- computing -------------------------------------------------------------------------------------


def test_features_are_computed_in_dependency_order() -> None:
    graph = FeatureGraph(
        [
            column("z_first", "low"),
            replace(SPREAD, name="a_last", dependencies=("high", "z_first"), output=False),
            FeatureDefinition("double", "1", ("a_last",), "sample_logic:as_array"),
            column("high", "high"),
        ],
        ["high", "low"],
    )
    before = DATA.copy(deep=True)
    found = graph.compute(DATA)
    expected = (DATA.high / DATA.low - 1.0) * 100.0
    expected = expected.rolling(5, min_periods=1).mean() * 2
    assert tuple(found.columns) == graph.outputs == ("high", "z_first", "double")
    np.testing.assert_allclose(found["double"], expected)
    pd.testing.assert_frame_equal(DATA, before)


def test_computing_keeps_the_index_and_the_dtypes() -> None:
    data = pd.DataFrame(
        {"a": pd.Categorical(["x", "y"]), "b": pd.array([1, None], dtype="Int64")},
        index=pd.date_range("2013-01-01", periods=2, tz="UTC"),
    )
    found = FeatureGraph((), ["b", "a"]).compute(data)
    pd.testing.assert_frame_equal(found, data[["b", "a"]])


def test_no_rows_give_no_rows() -> None:
    assert GRAPH.compute(DATA.iloc[:0]).shape == (0, 2)


def test_missing_columns_are_named() -> None:
    with pytest.raises(FeatureGraphError, match=r"columns \['high'\] are missing"):
        GRAPH.compute(DATA.drop(columns="high"))


def test_a_column_that_is_there_twice_is_refused() -> None:
    with pytest.raises(FeatureGraphError, match=r"columns \['low'\] are twice"):
        GRAPH.compute(DATA.set_axis(["low", "high", "low"], axis=1))


@pytest.mark.parametrize(
    ("logic", "said"),
    [
        ("sample_logic:fails", "feature f: sample_logic:fails failed: ZeroDivisionError"),
        ("sample_logic:loses_a_row", "one value for each row"),
    ],
)
def test_a_logic_that_fails_or_loses_rows_is_named(logic: str, said: str) -> None:
    graph = FeatureGraph([FeatureDefinition("f", "1", ("low",), logic)], ["low"])
    with pytest.raises(FeatureGraphError, match=said):
        graph.compute(DATA)
