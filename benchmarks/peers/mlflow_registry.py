"""MLflow's model registry on SQLite, one operation per line of standard input.

Runs in the environment ``.bench/mlflow`` (`make bench-peers`), with MLflow's own defaults, through
the client that its users call. Older versions are copies of a row that MLflow itself wrote, as
archived versions of the one model.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import time
import warnings
from pathlib import Path
from typing import Any

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
warnings.simplefilter("ignore")  # stages are deprecated there, and are what is compared

import mlflow  # type: ignore[import-not-found,unused-ignore]  # noqa: E402 - not in our environment

MODEL = "measured"


class Registry:
    """One model with `versions` versions; every public method is an operation."""

    def open(self, folder: str, versions: int) -> dict[str, Any]:
        """Make the database, one version in production and the archived ones."""
        self._home = Path(folder)
        database = self._home / "mlflow.db"
        uri = f"sqlite:///{database}"
        self._client = mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)
        experiment = self._client.create_experiment(
            "measured", artifact_location=(self._home / "artifacts").as_uri()
        )
        self._run = self._client.create_run(experiment).info.run_id
        self._client.create_registered_model(MODEL)
        self._newest = ""
        self.create_version()
        if versions > 1:
            self._copy(database, versions)
        self.create_version()
        self.stage_change()
        self.alias_change()
        return {"version": mlflow.__version__}

    def _copy(self, database: Path, versions: int) -> None:
        connection = sqlite3.connect(database)
        columns = [row[1] for row in connection.execute("PRAGMA table_info(model_versions)")]
        values = {"version": "n.value", "current_stage": "'Archived'"}
        chosen = ", ".join(values.get(column, f"model_versions.{column}") for column in columns)
        connection.execute(
            "WITH RECURSIVE n(value) AS (SELECT 2 UNION ALL SELECT value + 1 FROM n "
            f"WHERE value < {int(versions)}) INSERT INTO model_versions ({', '.join(columns)}) "
            f"SELECT {chosen} FROM model_versions, n WHERE version = 1"
        )
        connection.commit()
        connection.close()

    def create_version(self) -> None:
        """A record only: MLflow stores no bytes here."""
        source = (self._home / "artifacts").as_uri()
        self._newest = self._client.create_model_version(MODEL, source=source).version

    def store_and_create_version(self, artifact: str) -> None:
        """The bytes into the artifact folder of a run, then the record."""
        self._client.log_artifact(self._run, artifact, artifact_path=Path(artifact).stem)
        self.create_version()

    def stage_change(self) -> None:
        """The newest version into production, the one before into the archive."""
        self._client.transition_model_version_stage(
            MODEL, self._newest, "Production", archive_existing_versions=True
        )

    def alias_change(self) -> None:
        self._client.set_registered_model_alias(MODEL, "champion", self._newest)

    def get_by_stage(self) -> None:
        (found,) = self._client.get_latest_versions(MODEL, stages=["Production"])
        assert found.current_stage == "Production"

    def get_by_alias(self) -> None:
        assert self._client.get_model_version_by_alias(MODEL, "champion").name == MODEL

    def list_page(self) -> None:
        assert self._client.search_model_versions(f"name='{MODEL}'", max_results=100)


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever MLflow prints must not stand among the answers
    registry = Registry()
    for line in sys.stdin:
        asked = json.loads(line)
        operation = getattr(registry, asked.pop("do"))
        started = time.perf_counter()
        found = operation(**asked)
        elapsed = (time.perf_counter() - started) * 1e3
        print(json.dumps({"milliseconds": elapsed, **(found or {})}), file=answers, flush=True)


if __name__ == "__main__":
    main()
