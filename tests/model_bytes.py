"""Artifacts as bytes: a small LightGBM model as its text, without importing LightGBM.

``model_bytes(n)`` differs for every ``n`` and is a model that loads and predicts all the same.
"""

from __future__ import annotations

from pathlib import Path

_TEXT = """\
tree
version=v4
num_class=1
num_tree_per_iteration=1
label_index=0
max_feature_idx=1
objective=regression
feature_names=momentum volume
feature_infos=[0:38] [1:39]
tree_sizes=300

Tree=0
num_leaves=2
num_cat=0
split_feature=0
split_gain=500
threshold=19.000000000000004
decision_type=2
left_child=-1
right_child=-2
leaf_value=9 10
leaf_weight=10.000000000000002 9.9999999999999982
leaf_count=10 10
internal_value=9.5
internal_weight=20
internal_count=20
is_linear=0
shrinkage=1


end of trees

feature_importances:
momentum=1

parameters:
[boosting: gbdt]
[objective: regression]
[seed: {seed}]

end of parameters

pandas_categorical:null
"""

# The parser of this text ends its process (an array that is shorter than it says).
KILLER = _TEXT.format(seed=0).replace("leaf_value=9 10", "leaf_value=9").encode()


def model_bytes(seed: int = 0) -> bytes:
    """The text of a regression stump: 9 below momentum 19, 10 above."""
    return _TEXT.format(seed=seed).encode()


def model_file(folder: Path, seed: int = 0) -> Path:
    """`model_bytes` as a file of its own in `folder`."""
    path = folder / f"given-{seed}.txt"
    path.write_bytes(model_bytes(seed))
    return path
