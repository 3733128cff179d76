"""Every form says the same, and no text that stands in a graph breaks out of its place."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from governance.lineage.forms import Format
from governance.lineage.graph import Lineage, Thing, build
from governance.lineage.records import Alarmed, Decided, Measured, Records
from governance.lineage.showing import shown
from governance.values import Kind, ModelVersion, Stage

AT = datetime(2013, 2, 8, 18, tzinfo=UTC)
NASTY = ('"]; click', "<script>", "a\nb", "%%{init: {}}%%", "`md`", "\\", "é", "-->|x|")


def graph(*texts: str) -> Lineage:
    """A graph in which these texts stand wherever a text may stand."""
    names = [*texts, "data", "data"]
    version = ModelVersion(
        id="0123456789ab",
        name="momentum",
        version="1.0.0",
        stage=Stage.PRODUCTION,
        model_type=names[0],
        kind=Kind.TRADING,
        digest="a" * 64,
        artifact_path="x",
        format="lightgbm",
        size_bytes=1,
        created_by=names[0],
        created_at=AT,
        registered_at=AT,
        metadata={"run": names[1]},
        manifest={
            "training_config_hash": "c" * 64,
            "datasets": [{"name": name, "hash": f"{n:064d}"} for n, name in enumerate(names)],
        },
    )
    records = Records(
        model="momentum",
        versions=[version],
        measured=[Measured(version.id, name, 3, AT) for name in names],
        decided=[
            Decided("d" * 32, "promotion", version.id, "pass", False, False, names[0], names[1], AT)
        ],
        alarmed=[Alarmed("a" * 12, version.id, names[0], "open", "severe", True, AT)],
        others={},
        left_out={"versions": 3},
    )
    return build(records)


TEXTS = st.lists(st.one_of(st.text(max_size=20), st.sampled_from(NASTY)), max_size=4)
_MERMAID = re.compile(
    r"flowchart LR|  \w+[\[({>/]{1,2}\"[^\"]*\"[\])}/]{1,2}|  n\d+ -->\|\"[^\"]*\"\| n\d+"
)
_DOT_STRING = r'"(?:[^"\\]|\\["\\])*"'
_DOT = re.compile(
    rf"digraph {_DOT_STRING} {{|  rankdir=LR;|  label={_DOT_STRING};|}}"
    rf"|  n\d+ \[shape=\w+, label={_DOT_STRING}\];|  n\d+ -> n\d+ \[label={_DOT_STRING}\];"
)


@given(TEXTS)
def test_mermaid_has_one_statement_a_line_whatever_the_texts_are(texts: list[str]) -> None:
    lineage = graph(*texts)
    lines = shown(lineage, Format.MERMAID).removesuffix("\n").split("\n")
    assert all(_MERMAID.fullmatch(line) for line in lines), lines
    assert len(lines) == 2 + len(lineage.nodes) + len(lineage.edges)
    labels = [re.findall(r'"([^"]*)"', line) for line in lines[1:]]
    # Nothing but plain characters and entities: no markup, no directive, no markdown.
    assert all(re.fullmatch(r"(?:[\w .,:()+=@/-]|#\d+;)*", text, re.A) for (text,) in labels)


@given(TEXTS)
def test_dot_has_one_statement_a_line_whatever_the_texts_are(texts: list[str]) -> None:
    lineage = graph(*texts)
    lines = shown(lineage, Format.DOT).removesuffix("\n").split("\n")
    assert all(_DOT.fullmatch(line) for line in lines), lines
    assert len(lines) == 4 + len(lineage.nodes) + len(lineage.edges)


@given(TEXTS)
def test_what_a_label_says_can_be_read_back_from_mermaid(texts: list[str]) -> None:
    lineage = graph(*texts)
    text = shown(lineage, Format.MERMAID)
    for node in lineage.nodes:
        plain = re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", node.label)
        assert plain in re.sub(r"#(\d+);", lambda found: chr(int(found[1])), text)


@given(TEXTS)
def test_the_others_are_json_or_one_line_for_each_thing(texts: list[str]) -> None:
    lineage = graph(*texts)
    assert json.loads(shown(lineage, Format.JSON)) == json.loads(json.dumps(lineage.as_json()))
    assert isinstance(json.loads(shown(lineage, Format.OPENLINEAGE)), list)
    lines = shown(lineage, Format.TEXT).removesuffix("\n").split("\n")
    about = [e for e in lineage.edges if "version:0123456789ab" in (e.source, e.target)]
    data = [one for one in lineage.nodes if one.thing is Thing.DATA]
    assert len(lines) == 1 + len(about) + len(data) + 1  # the version, and what is left out
    assert lines[-1] == "(older ones are left out: 3 versions)"


def test_the_same_records_give_the_same_text() -> None:
    for form in Format:
        assert shown(graph(*NASTY), form) == shown(graph(*NASTY), form)
        assert shown(graph(*NASTY), form).endswith("\n")


def test_mermaid_as_people_see_it() -> None:
    assert shown(graph(), Format.MERMAID).splitlines()[:4] == [
        "flowchart LR",
        '  n0["momentum 1.0.0 #91;production#93; 2013-02-08 18:00Z"]',
        '  n1[["training cccccccccccc 2013-02-08 18:00Z"]]',
        '  n2[("data 000000000000")]',
    ]
