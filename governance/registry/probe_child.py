"""The child of ``registry.probe``: a fresh interpreter that parses an artifact and may die of it.

Started as a script (``python -I -B probe_child.py``). Standard input: one line of JSON, then the
members' bytes. Standard output: a line ``ready`` when limits and libraries stand, then one line of
JSON with the verdict. No verdict after ``ready`` means that the artifact killed the process.

It sees bytes only, no path, and a nearly empty environment. Not promised: a jail. Code in a pickle
runs with the rights of the user; that is why pickles need a permission before they come here.
"""

from __future__ import annotations

import io
import json
import os
import resource
import signal
import sys
from collections.abc import Mapping
from typing import Any

# What LightGBM's wrapper would import and its text does not need: 3 s of CPU on a small machine.
HEAVY = ("dask", "graphviz", "matplotlib", "pandas", "polars", "pyarrow", "sklearn")
RANDOM_ROWS = 64
MANY_FEATURES = 10_000


def main() -> None:
    header = json.loads(sys.stdin.buffer.readline())
    _limit(header["cpu_seconds"], header["memory_mib"], header["timeout"])
    sys.path[:] = header["sys_path"]
    formats = set(header["format"].split("+"))
    if formats == {"lightgbm-text"}:
        absent: Any = None  # what Python takes for "importing this is an ImportError"
        sys.modules.update(dict.fromkeys(HEAVY, absent))
    # What cannot be loaded must show before `ready`.
    if "lightgbm-text" in formats:
        import lightgbm.basic  # noqa: F401
    if "skops" in formats:
        import skops.io  # noqa: F401
    from governance.registry.formats import loader

    with os.fdopen(os.dup(1), "w", encoding="ascii") as answers:
        _say(answers, "ready")
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (1, 2):  # parsers print; the answers go through a descriptor of their own
            os.dup2(null, descriptor)
        try:
            members = {
                name: sys.stdin.buffer.read(size) for name, size in header["members"].items()
            }
            code, reason = _verdict(loader, members)
        except MemoryError:
            code, reason = "memory_limit", "needs more memory than the probe allows"
        _say(answers, {"code": code, "reason": reason[:500]})
        os._exit(0)  # no clean-up by objects that an artifact made


def _limit(cpu_seconds: int, memory_mib: int, timeout: float) -> None:
    """The kernel's limits: they hold also where no Python code runs any more."""
    memory = memory_mib << 20
    for limit, *wanted in (
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_FSIZE, 0, 0),
        (resource.RLIMIT_CPU, cpu_seconds, cpu_seconds + 1),
        (resource.RLIMIT_AS, memory, memory),
    ):
        most = resource.getrlimit(limit)[1]
        soft, hard = wanted if most == resource.RLIM_INFINITY else (min(w, most) for w in wanted)
        resource.setrlimit(limit, (soft, hard))
    signal.alarm(int(timeout) + 2)  # if the parent is killed, nobody else ends a sleeper


def _verdict(loader: Any, members: Mapping[str, bytes]) -> tuple[str, str]:
    from governance.errors import GovernanceError, UnsafeFormatError
    from governance.registry.artifact_members import member_part
    from governance.registry.formats import skops_exercise
    from governance.registry.formats.lightgbm_structure import structural_problem

    exercises = {"lightgbm-text": _exercise, "skops": skops_exercise.exercise}
    formats = {name: loader.identify({name: data}) for name, data in members.items()}
    for name, data in members.items():
        text = data.decode("utf-8", "replace") if formats[name] == "lightgbm-text" else None
        if text is not None and (problem := structural_problem(text)):
            return "inconsistent", f"{name}: {problem}"
    exercised = set(formats.values()) <= exercises.keys()
    try:
        # Also of a pickle: it was allowed before it came here.
        allowed = {"allow_pickle": True, "digest_is_registered": True}
        model = loader.load_members(members, **allowed)
        for name, format_name in formats.items():
            part = model[key] if (key := member_part(name)) else model
            if format_name in exercises and (problem := exercises[format_name](part)):
                return "not_finite", f"{name}: {problem}"
    except UnsafeFormatError as error:
        return "unsafe_format", error.message
    except GovernanceError as error:
        if isinstance(error.__cause__, MemoryError):
            raise error.__cause__ from error
        return "refused", error.message
    except MemoryError:
        raise
    except Exception as error:
        return "refused", f"{type(error).__name__}: {error}"
    return "ok", "parsed, predicted and written again" if exercised else "parsed"


def _exercise(booster: Any) -> str | None:
    """Predict rows that reach many branches, then write the text again. ``None`` if all is well."""
    import numpy as np

    features = booster.num_feature()
    random = np.random.default_rng(0)
    count = RANDOM_ROWS if features <= MANY_FEATURES else 1
    rows = random.normal(scale=10.0 ** random.integers(-3, 6, (count, 1)), size=(count, features))
    rows = np.vstack([np.zeros((1, features)), rows])
    if not np.isfinite(booster.predict(rows, validate_features=False)).all():
        return "it predicts NaN or infinity for ordinary rows"
    for value in (np.nan, 1e300, -1e300):
        booster.predict(np.full((1, features), value), validate_features=False)
    booster.model_to_string()
    return None


def _say(answers: io.TextIOWrapper, answer: object) -> None:
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
