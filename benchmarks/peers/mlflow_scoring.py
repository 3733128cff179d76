"""MLflow's scoring server for a LightGBM model, as `mlflow models serve` starts it: one worker.

    python mlflow_scoring.py MODEL_FILE FOLDER PORT

Runs in the environment ``.bench/mlflow`` (`make bench-peers`). The process becomes the server.
"""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
warnings.simplefilter("ignore")

import lightgbm  # noqa: E402 - after the settings
import mlflow.lightgbm  # type: ignore[import-not-found,unused-ignore]  # noqa: E402
from mlflow.pyfunc.scoring_server import (  # type: ignore[import-not-found,unused-ignore]  # noqa: E402
    _SERVER_MODEL_PATH,
)

if __name__ == "__main__":
    file, folder, port = sys.argv[1:]
    model = Path(folder) / "model"
    mlflow.lightgbm.save_model(lightgbm.Booster(model_file=file), model, pip_requirements=[])
    # What `mlflow models serve --env-manager local` runs in the end, without the shell between.
    os.environ[_SERVER_MODEL_PATH] = str(model)
    served = "mlflow.pyfunc.scoring_server.app:app"
    uvicorn = ["-m", "uvicorn", "--host", "127.0.0.1", "--port", port, "--workers", "1", served]
    os.execv(sys.executable, [sys.executable, *uvicorn])
