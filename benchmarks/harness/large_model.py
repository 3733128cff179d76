"""A LightGBM model of a given size as its text, made of stumps: nothing is trained for it."""

from __future__ import annotations

_HEAD = """\
tree
version=v4
num_class=1
num_tree_per_iteration=1
label_index=0
max_feature_idx=1
objective=regression
feature_names=momentum volume
feature_infos=[0:38] [1:39]
tree_sizes={sizes}

"""
_TREE = """\
Tree={number}
num_leaves=2
num_cat=0
split_feature=0
split_gain=500
threshold=19.000000000000004
decision_type=2
left_child=-1
right_child=-2
leaf_value={value} 10
leaf_weight=10.000000000000002 9.9999999999999982
leaf_count=10 10
internal_value=9.5
internal_weight=20
internal_count=20
is_linear=0
shrinkage=1


"""
_TAIL = """\
end of trees

feature_importances:
momentum={trees}

parameters:
[boosting: gbdt]
[objective: regression]

end of parameters

pandas_categorical:null
"""


def large_model(size: int, *, seed: int = 0) -> bytes:
    """At least `size` bytes; another seed gives other leaf values.

    >>> len(large_model(10_000)) >= 10_000
    True
    """
    trees: list[str] = []
    length = 0
    while not trees or length < size:
        tree = _TREE.format(number=len(trees), value=9 + seed)
        trees.append(tree)
        length += len(tree)
    head = _HEAD.format(sizes=" ".join(str(len(tree)) for tree in trees))
    return (head + "".join(trees) + _TAIL.format(trees=len(trees))).encode()
