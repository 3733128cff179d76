"""F12 for skops: 200 mutated files. The process that holds the registry survives every one of them.

Half of them are damaged as bytes, which the archive's checksums find. The other half are packed
again after a change of one value of the schema or of an array, so that only our own checks stand
between them and the library. All 200 are unpacked and checked here; what passes is probed, two in
``make test``, all with ``GOVERNANCE_FAULTS=full``. The seed is printed with every failure;
``GOVERNANCE_SEED`` repeats a run.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from governance import Governance
from governance.errors import (
    ArtifactIntegrityError,
    ArtifactUnloadableError,
    UnsafeFormatError,
)
from governance.registry.artifacts import ArtifactStore
from governance.registry.formats.skops_archive import Content, pack, unpack
from governance.registry.formats.skops_schema import trusted_content
from governance.registry.probe import probe
from tests.faults.test_mutated_models import cut, flip, noise, repeat
from tests.registry import sklearn_models as models

FULL = os.environ.get("GOVERNANCE_FAULTS") == "full"
SEED = int(os.environ.get("GOVERNANCE_SEED", random.SystemRandom().randrange(10**6)))
MUTANTS = 200
PROBED = MUTANTS if FULL else 2  # a child needs seconds to import the library
PLACE = "models/pivot/2013-02-01/0123456789ab"
WORDS = ["-1", "0", "1", "7", "100000", "2147483648", "1e308", "NaN", "true", "null", '"x"', "[]"]
NAMES = ["os", "system", "builtins", "eval", "numpy", "ndarray", "sklearn.tree._tree", "Tree"]
KINDS = ("forest", "logistic", "tree", "tree_regressor")

# What the checks guard against, without them: build with the library alone, predict many rows.
UNGUARDED = """
import sys, warnings
warnings.simplefilter("ignore")
import numpy, skops.io
while size := sys.stdin.buffer.readline():
    data = sys.stdin.buffer.read(int(size))
    model = skops.io.loads(data, trusted=skops.io.get_untrusted_types(data=data))
    rows = numpy.random.default_rng(5).normal(size=(5000, model.n_features_in_), scale=3)
    model.predict(rows)
"""


def damaged(r: random.Random, original: bytes) -> bytes:
    data = bytearray(original)
    for _ in range(r.randint(1, 3)):
        if data:
            r.choice([flip, cut, repeat, noise])(r, data)
    return bytes(data)


def repacked(r: random.Random, original: bytes) -> bytes:
    """One to three values of the schema or bytes of the arrays are others; checksums are right."""
    content = unpack(original)
    files = {name: bytearray(data) for name, data in content.files.items()}
    for _ in range(r.randint(1, 3)):
        if r.random() < 0.5:
            name = r.choice(sorted(files))
            r.choice([flip, flip, noise, cut])(r, files[name]) if files[name] else None
        else:
            schema_lie(r, content.schema)
    return pack(Content(content.schema, {name: bytes(data) for name, data in files.items()}))


def schema_lie(r: random.Random, schema: dict[str, Any]) -> None:
    places: list[tuple[Any, Any]] = []
    todo: list[Any] = [schema]
    while todo:
        value = todo.pop()
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in items:
            places.append((value, key))
            if isinstance(inner, dict | list):
                todo.append(inner)
    holder, key = r.choice(places)
    other = r.choice(places)
    match r.randrange(4):
        case 0:
            holder[key] = json.loads(json.dumps(other[0][other[1]]))
        case 1 if isinstance(holder, dict):
            del holder[key]
        case 2:
            holder[key] = r.choice(NAMES)
        case _:
            plain = [(h, k) for h, k in places if k == "content" and isinstance(h[k], str)]
            holder, key = r.choice(plain) if plain else (holder, key)
            holder[key] = r.choice(WORDS)


def mutants(count: int) -> list[bytes]:
    r = random.Random(SEED)
    made: list[bytes] = []
    while len(made) < count:
        original = models.archive(KINDS[len(made) % len(KINDS)])
        change = damaged if len(made) % 2 else repacked
        data = change(r, original)
        if data != original:
            made.append(data)
    return made


def passes(data: bytes) -> bool:
    """Does it get past our checks? They must answer in words, whatever they are given."""
    try:
        trusted_content(unpack(data))
    except (ArtifactUnloadableError, UnsafeFormatError):
        return False
    return True


def unguarded_end(given: list[bytes]) -> int:
    return subprocess.run(
        [sys.executable, "-c", UNGUARDED],
        input=b"".join(b"%d\n" % len(data) + data for data in given),
        capture_output=True,
        timeout=300,
        check=False,
        env={"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    ).returncode


def test_no_mutant_of_a_registered_artifact_reaches_a_parser(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    staged = store.stage({"model.skops": models.archive("forest")})
    folder = store.publish(staged, relative_path=PLACE, documents={})
    for data in mutants(MUTANTS):
        (folder / "model.skops").write_bytes(data)
        with pytest.raises(ArtifactIntegrityError):
            store.open(PLACE, staged.digest)


def test_no_mutant_is_promotable_even_by_force(sqlite_gov: Governance) -> None:
    version = sqlite_gov.registry.register_model(
        "pivot", models.model("forest"), model_type="forest", created_by="ann"
    )
    sqlite_gov.registry.transition(version, "validated", "ann", "looked at it")
    member = sqlite_gov.settings.home / version.artifact_path / "model.skops"
    for data in mutants(20):
        member.write_bytes(data)
        with pytest.raises(ArtifactIntegrityError):
            sqlite_gov.promotion.promote_to_production(
                version, by="eve", force=True, reason="must run tonight"
            )
    assert sqlite_gov.registry.get_production_model("pivot") is None


def test_our_checks_answer_in_words_whatever_they_are_given() -> None:
    ends = Counter(passes(data) for data in mutants(MUTANTS))
    assert ends[False] > MUTANTS // 2, f"seed {SEED}: {ends}"


@pytest.mark.slow
def test_a_mutant_that_is_called_loadable_does_load_and_predict() -> None:
    given = [data for data in mutants(MUTANTS) if passes(data)][:PROBED]
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda data: probe({"model.skops": data}), given))
    codes = Counter(result.code for result in results)
    print(f"seed {SEED}: {dict(codes)}")
    passed = [data for data, result in zip(given, results, strict=True) if result.loadable]
    assert not codes["crashed"], f"seed {SEED}: {codes}"
    end = unguarded_end(passed)
    assert end == 0, f"seed {SEED}: called loadable, then one of them ended with {end}"
