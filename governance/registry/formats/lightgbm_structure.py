"""Is a LightGBM text consistent in itself? Trees that are trees, indices inside their arrays.

The library believes what the text says and reads outside its memory where it lies, sometimes only
when it predicts. This check finds such lies in plain Python. It is a hint, not a barrier: what it
lets through is still parsed in a child first (``registry.probe``). Pure.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

_PARAMETER = re.compile(r"\[\w+: .*\]|")


class _Inconsistent(Exception):
    """What is wrong, in a few words; never leaves this module."""


def structural_problem(text: str) -> str | None:
    """The first inconsistency found, in words; ``None`` if there is none. Linear in the text.

    >>> structural_problem("tree\\nmax_feature_idx=0\\nfeature_names=a b\\nend of trees\\n")
    'header: 2 feature_names for 1 features'
    """
    where = "header"
    try:
        header, trees = _blocks(text)
        features = _integer(header, "max_feature_idx") + 1
        if features < 1:
            raise _Inconsistent(f"{features} features")
        for key in ("feature_names", "feature_infos"):
            if key in header and len(header[key].split()) != features:
                raise _Inconsistent(f"{len(header[key].split())} {key} for {features} features")
        per_iteration = _integer(header, "num_tree_per_iteration")
        if per_iteration < 1 or len(trees) % per_iteration:
            raise _Inconsistent(f"{len(trees)} trees, {per_iteration} for each iteration")
        if "tree_sizes" in header:
            _check_sizes(text, [int(size) for size in header["tree_sizes"].split()])
        for number, tree in enumerate(trees):
            where = f"tree {number}"
            if _integer(tree, "Tree") != number:
                raise _Inconsistent(f"is called {tree['Tree'][:20]}")
            _check_tree(tree, features)
        where = "parameters"
        _check_parameters(text)
    except _Inconsistent as problem:
        return f"{where}: {problem}"
    except (ValueError, OverflowError) as error:  # a number that is none
        return f"{where}: {str(error)[:100]}"
    return None


def _blocks(text: str) -> tuple[dict[str, str], list[dict[str, str]]]:
    header: dict[str, str] = {}
    trees: list[dict[str, str]] = []
    block = header
    for line in text.split("\n"):
        if line.startswith("end of trees"):
            break
        key, equals, value = line.partition("=")
        if key == "Tree":
            block = {}
            trees.append(block)
        if equals and key in block:
            raise _Inconsistent(f"{key[:40]} is given twice")
        if equals:
            block[key] = value
    return header, trees


def _check_sizes(text: str, sizes: list[int]) -> None:
    """The library jumps to each tree by these sizes in bytes."""
    data = text.encode()
    offset = data.find(b"\nTree=0\n") + 1
    for number, size in enumerate(sizes):
        if size < 1 or not data.startswith(b"Tree=%d\n" % number, offset):
            raise _Inconsistent("tree_sizes do not lead to the trees")
        offset += size
    if data.count(b"\nTree=") != len(sizes) or offset > len(data):
        raise _Inconsistent("tree_sizes do not lead to the trees")


def _check_parameters(text: str) -> None:
    """The library looks behind the colon of each line, also where there is none."""
    _, begin, rest = text.partition("\nparameters:")
    section, end, _ = rest.partition("\nend of parameters")
    if begin and not end:
        raise _Inconsistent("the section has no end")
    for line in section.split("\n"):
        if not _PARAMETER.fullmatch(line.rstrip("\r")):
            raise _Inconsistent(f"{line[:40]!r} is no parameter")


def _check_tree(tree: dict[str, str], features: int) -> None:
    leaves = _integer(tree, "num_leaves")
    if not 1 <= leaves <= len(tree.get("leaf_value", "")):  # a value takes a character at least
        raise _Inconsistent(f"{leaves} leaves")
    if not all(math.isfinite(float(value)) for value in _array(tree, "leaf_value", leaves)):
        raise _Inconsistent("a leaf value is not finite")
    if leaves > 1:
        _check_splits(tree, leaves, features)
    if tree.get("is_linear", "0") != "0":
        _check_linear(tree, leaves, features)


def _check_splits(tree: dict[str, str], leaves: int, features: int) -> None:
    nodes = leaves - 1
    for feature in _integers(tree, "split_feature", nodes):
        if not 0 <= feature < features:
            raise _Inconsistent(f"splits on feature {feature} of {features}")
    categories = int(tree.get("num_cat", "0"))
    if categories:
        bounds = _integers(tree, "cat_boundaries", categories + 1)
        if bounds[0] != 0 or bounds != sorted(bounds):
            raise _Inconsistent("cat_boundaries are not in order")
        _integers(tree, "cat_threshold", bounds[-1])
    thresholds = _array(tree, "threshold", nodes)
    for decision, threshold in zip(
        _integers(tree, "decision_type", nodes), thresholds, strict=True
    ):
        value = float(threshold)
        if math.isnan(value) or (decision & 1 and not 0 <= value < categories):
            raise _Inconsistent(f"threshold {threshold[:20]}")
    left = _integers(tree, "left_child", nodes)
    right = _integers(tree, "right_child", nodes)
    if sorted(_reached(left, right, leaves)) != list(range(-leaves, nodes)):
        raise _Inconsistent("the nodes form no tree")


def _reached(left: list[int], right: list[int], leaves: int) -> Iterator[int]:
    """Nodes (0, 1, ...) and leaves (-1, -2, ...) met from the root; stops at a lie."""
    nodes = leaves - 1
    todo, met = [0], 0
    while todo and met < nodes + leaves:
        node = todo.pop()
        if not -leaves <= node < nodes:
            raise _Inconsistent(f"child {node} of {nodes} nodes and {leaves} leaves")
        met += 1
        yield node
        if node >= 0:
            todo += (left[node], right[node])
    if todo:
        raise _Inconsistent("the nodes form no tree")


def _check_linear(tree: dict[str, str], leaves: int, features: int) -> None:
    counts = _integers(tree, "num_features", leaves)
    _array(tree, "leaf_const", leaves)
    if min(counts) < 0:
        raise _Inconsistent("a leaf with fewer than no features")
    _array(tree, "leaf_coeff", sum(counts))
    for feature in _integers(tree, "leaf_features", sum(counts)):
        if not 0 <= feature < features:
            raise _Inconsistent(f"a leaf uses feature {feature} of {features}")


def _integer(block: dict[str, str], key: str) -> int:
    if key not in block:
        raise _Inconsistent(f"no {key}")
    return int(block[key])


def _array(block: dict[str, str], key: str, length: int) -> list[str]:
    values = block.get(key, "").split()
    if len(values) != length:
        raise _Inconsistent(f"{len(values)} values of {key}, not {length}")
    return values


def _integers(block: dict[str, str], key: str, length: int) -> list[int]:
    return [int(value) for value in _array(block, key, length)]
