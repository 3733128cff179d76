"""Are the decision trees of a skops file trees? Asked before anything is built.

scikit-learn's compiled code follows child and feature numbers without looking at bounds, and
trusts a tree's own counts: a lie reads, or writes, outside its memory. So: children lie behind
their parent and every node but the root has one parent (it ends, and stays inside), features are
below the tree's number of features, which is the number that every estimator around it checks its
input against, and counts and depth are those of the arrays. Pure but for numpy's array reader.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from governance.registry.formats.skops_archive import refused

MAX_CLASSES = 10_000


def check_trees(schema: Mapping[str, Any], files: Mapping[str, bytes]) -> None:
    """Refuse a schema (of ``skops_schema``: known nodes only) whose trees are none.

    Raises:
        ArtifactUnloadableError: the first lie, in words.
    """
    _check(schema, files, ())


def _check(node: Any, files: Mapping[str, bytes], widths: tuple[int, ...]) -> None:
    """``widths``: what each estimator around ``node`` says about its number of features."""
    if isinstance(node, list):
        for value in node:
            _check(value, files, widths)
    elif isinstance(node, dict):
        if node.get("__loader__") == "TreeNode":
            _check_tree(node, files, widths)
        elif node.get("__loader__") == "ObjectNode":
            attributes = node["content"]["content"]
            if node["__module__"].startswith(("sklearn.tree.", "sklearn.ensemble.")):
                said = attributes.get(
                    "n_features_in_"
                )  # unfitted ones say nothing, and hold no tree
                widths = (*widths, -1 if said is None else _whole(said, "n_features_in_"))
            else:
                widths = ()  # a pipeline's steps change the number of columns, and check it
        for value in node.values():
            _check(value, files, widths)


def _check_tree(
    node: Mapping[str, Any], files: Mapping[str, bytes], widths: tuple[int, ...]
) -> None:
    features, classes, outputs = node["__reduce__"]["args"]["content"]
    state = node["content"]["content"]
    width, layers = _whole(features, "features"), _whole(outputs, "outputs")
    if not widths or set(widths) != {width}:
        raise refused(f"a tree of {width} features stands where others are given")
    per_output = _array(classes, files)
    if (
        per_output.shape != (layers,)
        or per_output.dtype.kind not in "iu"
        or not ((per_output >= 1) & (per_output <= MAX_CLASSES)).all()
    ):
        raise refused("a tree has other numbers of outputs and classes")
    nodes = _array(state["nodes"], files)
    if nodes.ndim != 1 or not nodes.size or nodes.dtype.names is None:
        raise refused("a tree has no nodes")
    if _whole(state["node_count"], "node_count") != nodes.size:
        raise refused(f"a tree counts other nodes than the {nodes.size} it has")
    values = _array(state["values"], files)
    if values.shape != (nodes.size, layers, int(per_output.max())) or not np.isfinite(values).all():
        raise refused("a tree has other values than nodes, or values that are not finite")
    depth = _depth(nodes["left_child"], nodes["right_child"])
    if _whole(state["max_depth"], "max_depth") != depth:
        raise refused(f"a tree of depth {depth} says another")
    inner = nodes["left_child"] >= 0
    used = nodes["feature"][inner]
    if ((used < 0) | (used >= width)).any():
        raise refused(f"a tree splits on a feature outside its {width}")
    if not np.isfinite(nodes["threshold"][inner]).all():
        raise refused("a tree has a threshold that is not finite")


def _depth(left: NDArray[Any], right: NDArray[Any]) -> int:
    """Depth of the tree that the child numbers make; refused if they make none."""
    count = left.size
    inner = left >= 0
    own = np.arange(count)
    if (left[~inner] != -1).any() or (right[~inner] != -1).any():
        raise refused("a leaf has a child")
    children = np.concatenate([left[inner], right[inner]])
    if (children <= np.concatenate([own[inner]] * 2)).any() or not np.array_equal(
        np.sort(children), np.arange(1, count)
    ):
        raise refused("the nodes form no tree")
    depths = np.zeros(count, np.int64)
    for node in np.flatnonzero(inner):  # parents before children, by what was checked
        depths[left[node]] = depths[right[node]] = depths[node] + 1
    return int(depths.max())


def _whole(node: Mapping[str, Any], what: str) -> int:
    """A plain whole number of the schema."""
    value = json.loads(node["content"]) if node["__loader__"] == "JsonNode" else None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**31:
        raise refused(f"{what} is no whole number")
    return value


def _array(node: Mapping[str, Any], files: Mapping[str, bytes]) -> NDArray[Any]:
    if node["__loader__"] != "NdArrayNode" or node["type"] != "numpy":
        raise refused("a part of a tree is no array")
    found: NDArray[Any] = np.load(BytesIO(files[node["file"]]), allow_pickle=False)
    return found
