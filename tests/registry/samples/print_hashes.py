"""Prints the hashes of fixed samples as JSON; the golden file is what it printed.

    python tests/registry/samples/print_hashes.py > tests/registry/samples/hashes.json

Run it again only when a layout or the sample itself was changed on purpose: hashes that are stored
in registries would no longer be found.
"""

from __future__ import annotations

import datetime as dt
import decimal
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

ROWS = 3


def frame() -> pd.DataFrame:
    days = pd.date_range("2013-01-01", periods=ROWS)
    return pd.DataFrame(
        {
            "bool": [True, False, True],
            "bool_missing": pd.array([True, None, False], dtype="boolean"),
            "int8": np.array([1, -2, 3], dtype="int8"),
            "uint64": np.array([1, 2, 2**63], dtype="uint64"),
            "int_missing": pd.array([1, None, 3], dtype="Int64"),
            "float": [0.1, -0.0, None],
            "float32": np.array([0.1, np.inf, np.nan], dtype="float32"),
            "text": ["", None, "Zürich ✈"],
            "category": pd.Categorical(["b", None, "a"]),
            "binary": [b"\0", None, b"ab"],
            "day": [dt.date(1969, 12, 31), None, dt.date(2013, 2, 1)],
            "at_ns": days.astype("datetime64[ns]"),
            "at_s": days.astype("datetime64[s]"),
            "at_utc": days.tz_localize("UTC"),
            "at_local": days.tz_localize("America/New_York"),
            "duration": pd.to_timedelta([1, 2, None], unit="s").astype("timedelta64[ns]"),
            "decimal": [decimal.Decimal("1.50"), None, decimal.Decimal("2.25")],
            "list": [[1, 2], None, []],
            "struct": [{"a": 1, "b": "x"}, {"a": None, "b": "y"}, None],
            "nothing": [None] * ROWS,
        }
    )


def hashes() -> dict[str, str]:
    from governance.registry.datasets import dataset_identity, frame_identity
    from governance.registry.feature_source import logic_digest
    from governance.registry.features import FeatureGraph
    from governance.registry.provenance import build_manifest, provenance_digest

    with tempfile.TemporaryDirectory() as folder:
        parquet, csv, text = (Path(folder) / name for name in ("a.parquet", "b.csv", "c.txt"))
        frame().to_parquet(parquet)
        csv.write_text('day,close,note\n2013-01-01,1.50,"a, b"\n2013-01-02,,x\n')
        text.write_bytes(b"bytes\n")
        dataset = dataset_identity([parquet, csv, text])
        found = {path.name: dataset_identity([path]).hash for path in (parquet, csv, text)}
    graph = FeatureGraph.from_spec(
        {
            "inputs": ["high", "low"],
            "definitions": [
                {
                    "name": "spread_5",
                    "version": "1",
                    "dependencies": ["high", "low"],
                    "logic": "sample_logic:spread",
                    "params": {"window": 5},
                },
                {"name": "low", "version": "1", "dependencies": ["low"], "logic": "column"},
            ],
        }
    )
    manifest = build_manifest(
        dataset=dataset, features=graph, config={"rate": 0.1, "leaves": 15, "name": "Zürich"}
    )
    return {
        **found,
        "frame": frame_identity(frame()).hash,
        "schema": dataset.schema_hash,
        "dataset": str(manifest["dataset_hash"]),
        "logic spread": logic_digest("sample_logic:spread"),
        "logic label": logic_digest("sample_logic:label"),
        "feature_graph": str(manifest["feature_graph_hash"]),
        "config": str(manifest["training_config_hash"]),
        "provenance": provenance_digest(manifest),
    }


if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[3])]
    print(json.dumps(hashes(), indent=2))
