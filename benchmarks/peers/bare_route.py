"""A bare FastAPI route that calls the booster, and an empty one, to measure governance beside.

    python bare_route.py MODEL_FILE PORT

Runs in our environment, under the same server with the same event loop. It reads the same body with
the framework's own shapes, names no caller, logs nothing, and never exchanges its model.
"""

from __future__ import annotations

import sys

import lightgbm
import numpy as np
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel


class Body(BaseModel):
    rows: list[dict[str, float]]


def application(model: str) -> FastAPI:
    booster = lightgbm.Booster(model_file=model)
    names = booster.feature_name()
    app = FastAPI()

    @app.post("/predict")
    async def predict(body: Body) -> dict[str, list[float]]:
        matrix = np.array([[row[name] for name in names] for row in body.rows])
        return {"predictions": np.asarray(booster.predict(matrix, num_threads=1)).tolist()}

    @app.get("/empty")
    async def empty() -> dict[str, str]:
        return {}

    return app


if __name__ == "__main__":
    uvicorn.run(
        application(sys.argv[1]),
        host="127.0.0.1",
        port=int(sys.argv[2]),
        log_level="warning",
        access_log=False,
    )
