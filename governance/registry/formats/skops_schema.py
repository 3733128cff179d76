"""Is the content of a skops file ours to build? Our list of types, one clean copy of the schema.

The library checks types too, but against a list of its own (every estimator, every ufunc) that
grows with its releases, and a type in order says nothing of the values. So nothing of the artifact
reaches it unread: each node must be of a kind and a type named here, and only the fields named here
are copied into the schema that is handed on. Trees get ``skops_trees``. A further type needs a line
in ``TRUSTED`` and an answer to the question: can its values make compiled code read outside an
array? (That is why gradient boosting by histograms is not here.) Pure but for numpy's parser.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from hashlib import sha256
from io import BytesIO
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.lib import format as npy

from governance.errors import GovernanceError, UnsafeFormatError
from governance.registry.formats import skops_trees
from governance.registry.formats.skops_archive import MAX_BYTES, Content, refused

PROTOCOL = 2
MAX_DEPTH = 40

_SCALARS = frozenset(
    f"numpy.{name}" for name in ("bool", "int32", "int64", "uint64", "float32", "float64", "str_")
)
_TREES = frozenset(
    {
        "sklearn.ensemble._forest.RandomForestClassifier",
        "sklearn.ensemble._forest.RandomForestRegressor",
        "sklearn.tree._classes.DecisionTreeClassifier",
        "sklearn.tree._classes.DecisionTreeRegressor",
    }
)
# What may be built, by the kind of node that builds it: plain data, arrays, and estimators whose
# attributes are plain data and arrays. No functions, no methods, no partials, no bare pickles.
TRUSTED: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "JsonNode": frozenset({"builtins.str"}),  # None, numbers, text: whatever JSON holds
        "DictNode": frozenset({"builtins.dict"}),
        "ListNode": frozenset({"builtins.list"}),
        "TupleNode": frozenset({"builtins.tuple"}),
        "TypeNode": frozenset({f"builtins.{name}" for name in ("str", "int", "float", "bool")})
        | _SCALARS,
        "NdArrayNode": frozenset({"numpy.ndarray"}) | _SCALARS,
        "DTypeNode": frozenset({"numpy.dtype"}),  # the type of an empty array
        "TreeNode": frozenset({"sklearn.tree._tree.Tree"}),
        "ObjectNode": _TREES
        | {
            "sklearn.impute._base.SimpleImputer",
            "sklearn.linear_model._base.LinearRegression",
            "sklearn.linear_model._logistic.LogisticRegression",
            "sklearn.linear_model._ridge.Ridge",
            "sklearn.pipeline.Pipeline",
            "sklearn.preprocessing._data.StandardScaler",
        },
    }
)

Node = dict[str, Any]


def trusted_content(given: Content) -> Content:
    """A copy with only what was understood: known nodes, files by content, no memory addresses.

    Equal models give equal copies, although the library writes where objects lay in memory.

    Raises:
        UnsafeFormatError: a type or a kind of node that is not in ``TRUSTED``; all are named.
        ArtifactUnloadableError: a damaged schema, an array that is not what its header says, a
            tree that is none.
    """
    if given.schema.get("protocol") != PROTOCOL:
        raise UnsafeFormatError(
            f"the skops file has protocol {given.schema.get('protocol')!r:.40}, read is only "
            f"{PROTOCOL}; export the model again with the installed release of skops"
        )
    _require_trusted(given.schema)
    copying = _Copying(given.files)
    try:
        schema = copying.node(given.schema, 0)
        skops_trees.check_trees(schema, copying.files)
    except (GovernanceError, MemoryError):
        raise
    except (
        Exception
    ) as error:  # a lie may break any step; numpy's header parser has kinds of its own
        raise refused(f"the schema is damaged ({type(error).__name__}: {error!s:.100})") from error
    version = str(given.schema.get("_skops_version"))[:40]
    return Content({**schema, "protocol": PROTOCOL, "_skops_version": version}, copying.files)


def _require_trusted(schema: Node) -> None:
    """Every node anywhere in the schema, also where the library would not look for one."""
    unknown: set[str] = set()
    todo: list[Any] = [schema]
    while todo:
        value = todo.pop()
        if isinstance(value, dict):
            if "__loader__" in value:
                loader = str(value["__loader__"])
                name = f"{value.get('__module__')}.{value.get('__class__')}"
                if loader not in TRUSTED:
                    unknown.add(f"{name} (as {loader})")
                elif name not in TRUSTED[loader]:
                    unknown.add(name)
            todo += value.values()
        elif isinstance(value, list):
            todo += value
    if unknown:
        named = ", ".join(sorted(unknown)[:10])[:600]
        raise UnsafeFormatError(
            f"the skops file builds {named}, which is not trusted here; register a model made of "
            "the types that docs/how-to/add-a-model.md lists"
        )


class _Copying:
    """One pass over the schema; collects the files that its arrays name."""

    def __init__(self, source: Mapping[str, bytes]) -> None:
        self._source = source
        self._names: dict[bytes, str] = {}
        self._read = 0
        self.files: dict[str, bytes] = {}
        self._parts: Mapping[str, Callable[[Node, int], Node]] = {
            "JsonNode": self._json,
            "DictNode": self._dict,
            "ListNode": self._list,
            "TupleNode": self._list,
            "TypeNode": lambda state, depth: {},
            "NdArrayNode": self._array,
            "DTypeNode": lambda state, depth: {"content": self.node(state["content"], depth)},
            "TreeNode": self._tree,
            "ObjectNode": self._object,
        }

    def node(self, state: Node, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise refused(f"objects are nested more than {MAX_DEPTH} deep")
        kept = {key: state[key] for key in ("__class__", "__module__", "__loader__")}
        return kept | self._parts[state["__loader__"]](state, depth + 1)

    def _json(self, state: Node, depth: int) -> Node:
        if not isinstance(state["content"], str):
            raise refused("a plain value is no text")
        return {"content": state["content"], "is_json": True}

    def _dict(self, state: Node, depth: int) -> Node:
        keys = self.node(state["key_types"], depth)
        if len(keys["content"]) != len(state["content"]):
            raise refused("a mapping has another number of keys than of types")
        content = {key: self.node(value, depth) for key, value in state["content"].items()}
        return {"content": content, "key_types": keys}

    def _list(self, state: Node, depth: int) -> Node:
        return {"content": [self.node(value, depth) for value in list(state["content"])]}

    def _object(self, state: Node, depth: int) -> Node:
        content = self.node(state["content"], depth)
        if content["__loader__"] != "DictNode":
            raise refused(f"the attributes of {state['__class__']} are no mapping")
        return {"content": content}

    def _tree(self, state: Node, depth: int) -> Node:
        arguments = self.node(state["__reduce__"]["args"], depth)
        return {
            "content": self.node(state["content"], depth),
            "__reduce__": {"args": arguments},
        }

    def _array(self, state: Node, depth: int) -> Node:
        if state["type"] == "json":  # an array of objects, which are nodes themselves
            shape = self.node(state["shape"], depth)
            return {"type": "json", "shape": shape, **self._list(state, depth)}
        if state["type"] != "numpy":
            raise refused("an array is stored in an unknown way")
        data = self._source[state["file"]]
        self._read += len(data)
        if self._read > MAX_BYTES:  # one file may be named many times
            raise refused(f"its arrays take more than {MAX_BYTES >> 20} MiB")
        data = _checked_array(data)
        digest = sha256(data).digest()
        if digest not in self._names:
            self._names[digest] = f"{len(self._names)}.npy"
            self.files[self._names[digest]] = data
        return {"type": "numpy", "file": self._names[digest]}


def _checked_array(data: bytes) -> bytes:
    """The array's file, if its header promises exactly the bytes that follow, and no objects.

    Between the fields of a record (a tree's node) lie bytes of no meaning, whatever was in memory:
    they become zero, so that they make no difference.
    """
    stream = BytesIO(data)
    if npy.read_magic(stream) != (1, 0):
        raise refused("an array is not in the first version of numpy's format")
    shape, _, dtype = npy.read_array_header_1_0(stream)
    if dtype.hasobject or math.prod(shape) * dtype.itemsize != len(data) - stream.tell():
        raise refused("an array is not what its header says")
    if dtype.names is None:
        return data
    if len(shape) != 1:
        raise refused("records are not in one line")
    records = np.frombuffer(data, dtype, offset=stream.tell())
    clean = np.zeros(shape, dtype)
    for name in dtype.names:
        clean[name] = records[name]
    stream = BytesIO()
    np.save(stream, clean, allow_pickle=False)
    return stream.getvalue()
