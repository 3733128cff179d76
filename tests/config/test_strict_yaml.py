"""What ``governance.config.strict_yaml`` takes, what it refuses and where it says so."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from governance.config import parse_config
from governance.config.strict_yaml import MAX_BYTES, MAX_DEPTH, parse_yaml
from governance.errors import ConfigError

DECLARED = Path(__file__).parents[2] / "config" / "governance.yaml"

text = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn", "Zl", "Zp"]), max_size=20)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | text
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(text.filter(lambda key: key != "<<"), inner, max_size=4)
    ),
    max_leaves=15,
)


@given(values)
def test_json_means_in_yaml_what_it_means_in_json(value: Any) -> None:
    assert parse_yaml(json.dumps(value, ensure_ascii=False).encode()).value == value


@given(values)
def test_what_a_foreign_writer_wrote_with_quoted_texts_is_read_back(value: Any) -> None:
    written = yaml.dump(value, default_style='"', Dumper=yaml.SafeDumper, allow_unicode=True)
    texts = yaml.load(written.replace("!!", "!x"), Loader=yaml.BaseLoader)
    quoted = yaml.dump(texts, default_style='"', Dumper=yaml.SafeDumper, allow_unicode=True)
    assert parse_yaml(quoted.encode()).value == texts


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("on", "on"),
        ("off", "off"),
        ("yes", "yes"),
        ("NO", "NO"),
        ("y", "y"),
        ("true", True),
        ("False", False),
        ("tRue", "tRue"),
        ("1e-3", 0.001),
        ("1E5", 1e5),
        (".5", 0.5),
        ("5.", 5.0),
        ("+7", 7),
        ("-0", 0),
        ("0o17", 15),
        ("0xfF", 255),
        ("12:30:45", "12:30:45"),
        ("2013-02-01", "2013-02-01"),
        ("1.2.0", "1.2.0"),
        ("1e", "1e"),
        ("~", None),
        ("Null", None),
        ("", None),
        ("'007'", "007"),
        ('"on"', "on"),
        ("=", "="),
        ("|\n  two\n  lines\n", "two\nlines\n"),
        (">-\n  one\n  line\n", "one line"),
    ],
)
def test_scalars_are_those_of_yaml_1_2(written: str, meant: Any) -> None:
    read = parse_yaml(f"key: {written}".encode()).value["key"]
    assert (read, type(read)) == (meant, type(meant))


MISTAKES = {
    "duplicate key": ("a: 1\nb: 2\na: 3\n", "3:1", "already given at line 1"),
    "duplicate key inside": ("m:\n  x: 1\n  x: 1\n", "3:3", "already given at line 2"),
    "duplicate in flow": ("m: {x: 1, x: 2}\n", "1:11", "already given"),
    "duplicate, quoted otherwise": ("a: 1\n'a': 2\n", "2:1", "already given"),
    "anchor": ("a: &x 1\n", "1:4", "anchor &x"),
    "alias": ("a: &x 1\nb: *x\n", "2:4", "alias *x"),
    "alias of nothing": ("b: *x\n", "1:4", "alias *x"),
    "alias as key": ("*x : 1\n", "1:1", "alias *x"),
    "merge key": ("a: 1\n<<: {b: 2}\n", "2:1", "merge key"),
    "tag": ("a: !!str 1\n", "1:4", "tag"),
    "python tag": ("a: !!python/object/apply:os.system ['true']\n", "1:4", "tag"),
    "tag of a mapping": ("a: !x {b: 1}\n", "1:4", "tag"),
    "bare tag": ("a: ! 1\n", "1:4", "tag"),
    "directive": ("%YAML 1.1\n---\na: 1\n", "1:1", "directives"),
    "tag directive": ("%TAG ! tag:x,2000:\n---\na: 1\n", "1:1", "directives"),
    "second document": ("a: 1\n---\nb: 2\n", "2:1", "second document"),
    "nan": ("a: .nan\n", "1:4", "no number"),
    "infinity": ("a: -.inf\n", "1:4", "no number"),
    "overflow": ("a: 1e999\n", "1:4", "too large"),
    "65 bits": ("a: 9223372036854775808\n", "1:4", "64 bits"),
    "5,000 digits": ("a: " + "9" * 5000 + "\n", "1:4", "64 bits"),
    "octal of 1.1": ("a: 0777\n", "1:4", "differently"),
    "underscore": ("a: 1_000\n", "1:4", "differently"),
    "binary of 1.1": ("a: 0b11\n", "1:4", "differently"),
    "signed hexadecimal": ("a: -0x1F\n", "1:4", "differently"),
    "number as key": ("a:\n  1: x\n", "2:3", "a key must be text"),
    "boolean as key": ("true: x\n", "1:1", "a key must be text"),
    "null as key": ("~: x\n", "1:1", "a key must be text"),
    "list as key": ("? [a]\n: x\n", "1:3", "a key must be text"),
    "mapping as key": ("{a: 1}: x\n", "1:1", "a key must be text"),
    "tab for indent": ("a:\n\tb: 1\n", "2:1", "no YAML"),
    "open bracket": ("a: [1, 2\n", "2:1", "no YAML"),
    "open quote": ('a: "x\n', "2:1", "no YAML"),
    "bad indent": ("a: 1\n  b: 2\n", "2:4", "no YAML"),
    "control character": ("a: x\nb: \x07y\n", "2:4", "control character"),
    "escaped nul": ('a: "x\\0"\n', "1:4", "control character"),
    "escaped surrogate": ('a: "\\ud800"\n', "1:4", "control character"),
    "escape beyond unicode": ('a: "\\UFFFFFFFF"\n', "1:", "names no character"),
    "line separator": ("a: 'x\u2028y'\n", "1:6", "Unicode line separator"),
    "next line": ("# x\x85a: 1\n", "1:4", "Unicode line separator"),
    "reserved character": ("a: @x\n", "1:4", "no YAML"),
    "too deep": ("[" * (MAX_DEPTH + 1), f"1:{MAX_DEPTH + 1}", "nesting"),
    "very deep": ("[" * 60_000, f"1:{MAX_DEPTH + 1}", "nesting"),
    "deep mappings": ("{a: " * 16_000, "1:81", "nesting"),
    "too long": ("#" * (MAX_BYTES + 1), "1:1", "65536 bytes"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_refused_at_its_line_and_column(name: str) -> None:
    written, place, said = MISTAKES[name]
    with pytest.raises(ConfigError) as caught:
        parse_yaml(written.encode(), source="file.yaml")
    lines = caught.value.message.splitlines()
    assert any(line.startswith(f"file.yaml:{place}") and said in line for line in lines), lines


def test_bytes_that_are_not_utf_8_are_refused_at_their_place() -> None:
    with pytest.raises(ConfigError, match=r"^file\.yaml:2:4: the bytes are not UTF-8"):
        parse_yaml("a: 1\nb: é\n".encode("latin-1"), source="file.yaml")


def test_a_byte_order_mark_is_no_part_of_the_first_key() -> None:
    assert parse_yaml(b"\xef\xbb\xbfa: 1\n").value == {"a": 1}


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_yaml(b"a: .nan\nb: &x 1\na: 0777\n", source="f")
    assert [line.split(": ")[0] for line in caught.value.message.splitlines()] == [
        "f:1:4",
        "f:2:4",
        "f:3:1",
        "f:3:4",
    ]


def test_the_deepest_nesting_allowed_is_taken() -> None:
    written = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert parse_yaml(written.encode()).value is not None


def mutated(random_: random.Random, data: bytes) -> bytes:
    """``data`` with one to four bytes or lines changed."""
    for _ in range(random_.randint(1, 4)):
        lines = data.split(b"\n")
        where, line = random_.randrange(len(data)), random_.randrange(len(lines))
        match random_.randrange(6):
            case 0:
                data = data[:where] + bytes([random_.randrange(256)]) + data[where + 1 :]
            case 1:
                data = (
                    data[:where]
                    + random_.choice([b":", b"&a ", b"*a", b"!", b"\t", b"- "])
                    + data[where:]
                )
            case 2:
                data = data[:where] + data[where + random_.randint(1, 20) :] or b" "
            case 3:
                data = b"\n".join([*lines[:line], lines[line], *lines[line:]])
            case 4:
                data = b"\n".join(lines[:line] + lines[line + 1 :]) or b" "
            case _:
                lines[line] = b" " * random_.randint(1, 3) + lines[line]
                data = b"\n".join(lines)
    return data


def same(ours: Any, texts: Any) -> bool:
    """Is ``ours`` what a reader that takes every scalar as text would call ``texts``?"""
    if isinstance(ours, dict):
        return (
            isinstance(texts, dict)
            and ours.keys() == texts.keys()
            and all(same(value, texts[key]) for key, value in ours.items())
        )
    if isinstance(ours, list):
        return isinstance(texts, list) and len(ours) == len(texts) and all(map(same, ours, texts))
    if isinstance(ours, bool):
        return bool(texts.lower() == str(ours).lower())
    if ours is None:
        return texts in ("", "~", "null", "Null", "NULL")
    if isinstance(ours, int | float):
        return float(int(texts, 0) if texts[:2] in ("0x", "0o") else texts) == float(ours)
    return bool(ours == texts)


def test_a_mutated_file_is_refused_or_read_without_a_changed_meaning() -> None:
    tries = 2000 if os.environ.get("GOVERNANCE_FAULTS") == "full" else 150
    seed = int(os.environ.get("GOVERNANCE_SEED", "11"))
    random_ = random.Random(seed)
    original = DECLARED.read_bytes()[:6000]
    taken = 0
    for number in range(tries):
        data = mutated(random_, original)
        try:
            value = parse_yaml(data).value
        except ConfigError:
            continue
        taken += 1
        texts = yaml.load(data.decode("utf-8-sig"), Loader=yaml.BaseLoader)
        assert same(value, texts), f"seed {seed}, mutant {number}"
        try:
            parse_config(data)
        except ConfigError as error:
            assert ":" in error.message
    assert taken > tries // 10, "the mutants must not all be broken, or nothing is compared"
