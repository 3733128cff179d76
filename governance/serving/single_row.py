"""One row through a LightGBM booster, by the library's own entry for single rows.

``Booster.predict`` prepares every call anew, which takes eight times as long as a hundred trees.
The C API has a call for this case, prepared once; the Python package only does not wrap it. It is
used where it gives, bit by bit, what ``Booster.predict`` gives on rows tried when a version is
loaded, and left alone otherwise: also where a later LightGBM has no such call any more.

Neighbour: ``predicting``. C API: https://lightgbm.readthedocs.io/en/stable/C-API.html
"""

from __future__ import annotations

import ctypes
import importlib
import logging
import threading
import weakref
from typing import Any

import numpy as np
from numpy.typing import NDArray

log = logging.getLogger(__name__)

_NORMAL, _FLOAT64 = 0, 1  # C_API_PREDICT_NORMAL, C_API_DTYPE_FLOAT64
_PARAMETERS = b"num_threads=1"
_TRIED = 16


class SingleRow:
    """
    Args:
        booster: kept as long as this lives.

    Raises:
        Exception: whatever is missing or refused; ``single_row`` turns that into ``None``.
    """

    def __init__(self, booster: Any) -> None:
        library: Any = importlib.import_module("lightgbm.basic")._LIB
        self._booster = booster
        self._lock = threading.Lock()  # what was prepared has room for one caller
        self._row = np.zeros(booster.num_feature())
        self._scores = np.zeros(booster.num_model_per_iteration())
        prepared = ctypes.c_void_p()
        done = library.LGBM_BoosterPredictForMatSingleRowFastInit(
            booster._handle,
            ctypes.c_int(_NORMAL),
            ctypes.c_int(0),
            ctypes.c_int(booster.best_iteration),
            ctypes.c_int(_FLOAT64),
            ctypes.c_int32(len(self._row)),
            ctypes.c_char_p(_PARAMETERS),
            ctypes.byref(prepared),
        )
        if done != 0:
            raise RuntimeError("the library refuses to prepare single rows")
        weakref.finalize(self, library.LGBM_FastConfigFree, prepared)
        self._number = ctypes.c_int64()
        self._call = library.LGBM_BoosterPredictForMatSingleRowFast
        self._given = (
            prepared,
            ctypes.c_void_p(self._row.ctypes.data),
            ctypes.byref(self._number),
            ctypes.c_void_p(self._scores.ctypes.data),
        )

    def __call__(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """The scores of the one row of ``matrix``, in the shape of ``Booster.predict``."""
        with self._lock:
            self._row[:] = matrix[0]
            if self._call(*self._given) != 0 or self._number.value != len(self._scores):
                raise RuntimeError("LightGBM does not score this row")
            made = self._scores.copy()
        return made if len(made) == 1 else made.reshape(1, -1)


def single_row(booster: Any) -> SingleRow | None:
    """``None`` where the call is not there, or gives anything else than ``Booster.predict``."""
    try:
        made = SingleRow(booster)
        random = np.random.default_rng(0)
        rows = random.normal(scale=10.0, size=(_TRIED, booster.num_feature()))
        rows[1::2][random.random(rows[1::2].shape) < 0.3] = np.nan
        rows[0] = 0.0
        for row in rows:
            expected = booster.predict(row.reshape(1, -1), num_threads=1)
            found = made(row.reshape(1, -1))
            if found.shape != expected.shape or not np.array_equal(found, expected):
                raise RuntimeError("it gives other scores than Booster.predict")
    except Exception as error:  # a private name that moved, another build: slower, not wrong
        log.info("single rows take LightGBM's ordinary way: %s", str(error)[:200])
        return None
    return made
