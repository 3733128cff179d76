"""The manifest of a version: what it was made from, so that it can be proved and made again.

Neighbours: ``datasets``, ``features`` (two of the three hashes), ``documents`` (renders it for the
artifact's folder). The three hashes are of content alone: the same data, feature definitions and
configuration give the same ones on another machine, and a change of one changes its hash only.

Not promised: that equal manifests give equal bytes (that is the trainer's), or that an unknown git
state is fine: it is recorded as ``None``, never guessed.
"""

from __future__ import annotations

import json
import math
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cache
from importlib import metadata
from numbers import Real
from pathlib import Path
from typing import Any

from governance.canonical import canonical_json, sha256_of
from governance.errors import InvalidEvidenceError
from governance.registry.datasets import DatasetIdentity
from governance.registry.features import FeatureGraph
from governance.values import as_utc, iso

# What can change a model or a hash; a caller who knows better gives ``packages`` instead.
PACKAGES = (
    "airflow-model-governance",
    "lightgbm",
    "numpy",
    "pandas",
    "pyarrow",
    "scikit-learn",
    "scipy",
    "skops",
)
_GIT_SECONDS = 20

GitState = tuple[str | None, bool | None]


def build_manifest(
    *,
    dataset: DatasetIdentity | None = None,
    features: FeatureGraph | None = None,
    config: Mapping[str, Any] | None = None,
    metrics: Mapping[str, Any] | None = None,
    seed: int | None = None,
    split_windows: Any = None,
    trained_end: datetime | None = None,
    git: GitState = (None, None),
    packages: Mapping[str, str | None] | None = None,
    drift_baseline: Mapping[str, Any] | None = None,
    bundle: Mapping[str, Any] | None = None,
    feature_version: str | None = None,
) -> dict[str, Any]:
    """The provenance manifest as plain JSON; what was not given is ``None``, never left out.

    >>> manifest = build_manifest(config={"num_leaves": 15}, seed=7)
    >>> manifest["dataset_hash"], manifest["training_config_hash"][:8], manifest["seed"]
    (None, '3265f95a', 7)

    Args:
        split_windows: where training, validation and test lie; any JSON.
        trained_end: the instant before which all training data lies.
        git: what ``git_state`` said.
        packages: versions; read from this environment if not given.
        drift_baseline: digest and span of what live data are compared with; left out if not given.
        bundle: targets, horizons, members, thresholds and excursions of a version that holds
            several models (``governance.training.bundle``); left out if not given.
        feature_version: a foreign trainer's own name of its features; left out if not given.

    Raises:
        InvalidEvidenceError: a metric is not finite.
        InvalidInputError: something has no JSON form.
        NaiveDatetimeError: ``trained_end`` has no time zone.
    """
    for name, value in (metrics or {}).items():
        if isinstance(value, Real) and not math.isfinite(value):
            raise InvalidEvidenceError(f"metric {name!r} is {value}; leave it out or give None")
    commit, dirty = git
    manifest = {
        "dataset_hash": None if dataset is None else dataset.hash,
        "feature_graph_hash": None if features is None else features.hash,
        "training_config_hash": None if config is None else training_config_hash(config),
        "git_commit": commit,
        "git_dirty": dirty,
        "packages": package_versions() if packages is None else packages,
        "python": platform.python_version(),
        "seed": seed,
        "metrics": metrics or {},
        "config": config,
        "splits": split_windows,
        "trained_end": None
        if trained_end is None
        else iso(as_utc(trained_end, what="trained_end")),
        "datasets": [] if dataset is None else dataset.as_json(),
        **({} if drift_baseline is None else {"drift_baseline": drift_baseline}),
        **({} if bundle is None else {"bundle": bundle}),
        **({} if feature_version is None else {"feature_version": feature_version}),
    }
    plain: dict[str, Any] = json.loads(canonical_json(manifest))
    return plain


def training_config_hash(config: Mapping[str, Any]) -> str:
    """SHA-256 of the configuration with sorted keys; 1 and 1.0 are different values.

    >>> training_config_hash({"a": 1, "b": 2}) == training_config_hash({"b": 2, "a": 1})
    True
    """
    return sha256_of(["training-config-1", config])


def provenance_digest(manifest: Mapping[str, Any]) -> str:
    """One digest of the three hashes; equal ones mean: made from the same things."""
    keys = ("dataset_hash", "feature_graph_hash", "training_config_hash")
    return sha256_of(["provenance-1", [manifest.get(key) for key in keys]])


def package_versions(names: Iterable[str] = PACKAGES) -> dict[str, str | None]:
    """Installed versions by name; ``None`` for what is not installed.

    >>> package_versions(["no-such-package-here"])
    {'no-such-package-here': None}
    """
    return {name: _version(name) for name in names}


@cache  # reading the metadata of a package costs milliseconds, and it does not change in a process
def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def git_state(folder: str | os.PathLike[str]) -> GitState:
    """The commit that ``folder`` is at, and whether files differ from it.

    Files that git does not know and does not ignore count as a difference. Variables such as
    ``GIT_DIR`` are not heeded: the folder alone decides. Unknown (``(None, None)``): no git, no
    repository, no commit yet, or a repository that git refuses to trust.
    """
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    if commit is None:
        return None, None
    changes = _git(folder, "status", "--porcelain", "--untracked-files=normal")
    return commit.strip(), None if changes is None else bool(changes.strip())


def _git(folder: str | os.PathLike[str], *arguments: str) -> str | None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    # A repository's settings must not start a file monitor, and reading must not write its index.
    command = ["git", "--no-optional-locks", "-c", "core.fsmonitor=false", "-C", str(Path(folder))]
    try:
        done = subprocess.run(
            [*command, *arguments],
            env={**environment, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_GIT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
