"""What the OpenAPI document says of the serving API's bodies and refusals.

Neighbour: ``routes`` declares with it. Not here: the columns of a body, which are the model's; the
document is the same for all models.
"""

from __future__ import annotations

from typing import Any

from governance.serving.bodies import Form
from governance.serving.guard import right
from governance.serving.problems import MEDIA_TYPE

PROBLEM: dict[str, Any] = {
    "content": {
        MEDIA_TYPE: {
            "schema": {
                "type": "object",
                "required": ["type", "title", "status", "detail", "code"],
                "properties": {
                    "type": {"type": "string"},
                    "title": {"type": "string"},
                    "status": {"type": "integer"},
                    "detail": {"type": "string"},
                    "code": {"type": "string"},
                },
            }
        }
    }
}


def says(**texts: str) -> dict[int | str, dict[str, Any]]:
    always = {
        "s401": "Nobody known asks.",
        "s403": "The right is missing.",
        "s429": "More requests than one caller may send; see Retry-After.",
    }
    given = {**always, **texts}
    return {int(key[1:]): {"description": text, **PROBLEM} for key, text in given.items()}


_CELL = {"type": ["number", "boolean", "string", "null"]}
_BESIDE: dict[str, Any] = {
    "at": {"type": ["string", "null"], "format": "date-time"},
    "feature_graph": {
        "description": "Hash, spec or names of the caller's features; if they are not those of the "
        "version, 409."
    },
}


def _rows(item: dict[str, Any], says: str, **further: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["rows"],
        "additionalProperties": False,
        "properties": {
            "rows": {"type": "array", "minItems": 1, "items": item, "description": says},
            **further,
            **_BESIDE,
        },
    }


_BODY = {
    "required": True,
    "content": {
        Form.JSON.value: {
            "schema": {
                "anyOf": [
                    _rows(
                        {"type": "object", "minProperties": 1, "additionalProperties": _CELL},
                        "By column: the features, or the inputs of the feature graph.",
                    ),
                    _rows(
                        {"type": "array", "minItems": 1, "items": _CELL},
                        "Lists in the order of `columns`, or of the features.",
                        columns={
                            "type": ["array", "null"],
                            "minItems": 1,
                            "uniqueItems": True,
                            "items": {"type": "string"},
                        },
                    ),
                ]
            },
            "example": {"rows": [{"momentum": 20.0, "volume": 3.0}]},
        },
        **{
            form.value: {"schema": {"type": "string", "format": "binary"}}
            for form in Form
            if form is not Form.JSON
        },
    },
}
PREDICTED = {
    "description": "One prediction for each row, and which version made them.",
    "content": {
        Form.JSON.value: {
            "schema": {
                "type": "object",
                "required": ["model", "version", "generation", "predictions"],
            },
            "example": {
                "model": "momentum",
                "version": "1.0.0",
                "version_id": "922cc995d975",
                "generation": 1,
                "request_id": "5f2d8a0c41b7e396",
                "predictions": [10.0],
            },
        },
        **{
            form.value: {"schema": {"type": "string", "format": "binary"}}
            for form in Form
            if form is not Form.JSON
        },
    },
}
PREDICT: Any = {
    **right("predictions.make"),
    "requestBody": _BODY,
    "parameters": [
        {
            "name": "Feature-Graph",
            "in": "header",
            "schema": {"type": "string"},
            "description": "Hash of the caller's feature graph.",
        },
        {
            "name": "at",
            "in": "query",
            "schema": {"type": "string", "format": "date-time"},
            "description": "Event time of the rows; now by default.",
        },
    ],
}
REFUSED = says(
    s404="No such model.",
    s408="The body came too slowly.",
    s409="Other features, or other data, than the version was trained with; the detail says which.",
    s413="Too many bytes or rows.",
    s415="A content type that is not read.",
    s422="Rows that cannot be taken.",
    s503="Nothing is in production, or it cannot be loaded; see Retry-After.",
)
