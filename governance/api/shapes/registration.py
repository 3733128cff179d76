"""What comes with an artifact."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints

from governance.api.shapes.parts import LINE, NUMBER, TEXT, Asked, Moment, examples

Text = Annotated[str, StringConstraints(pattern=TEXT, max_length=4096)]
Tag = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/=-]{0,63}$")]
Word = Annotated[str, StringConstraints(pattern=LINE, max_length=64)]
FilePath = Annotated[str, StringConstraints(pattern=LINE, max_length=1000)]


class Reference(Asked):
    """A file or folder below one of the roots of `GOVERNANCE_API_ARTIFACT_ROOTS`."""

    model_config = ConfigDict(
        json_schema_extra=examples({"root": "exports", "path": "momentum/2013-02-01"})
    )

    root: Word = Field(description="Name of the root.")
    path: FilePath = Field(description="Relative, with `/`; no links on the way.")


class Registration(Asked):
    """Who registers it is who sends this. Provenance that only the trainer knows goes in `config`
    and `provenance`."""

    model_config = ConfigDict(
        json_schema_extra=examples(
            {
                "model_type": "lightgbm",
                "features": ["momentum", "volume"],
                "metrics": {"test": {"auc": 0.71}},
            }
        )
    )

    model_type: Word = Field(description="Free word.", examples=["lightgbm"])
    version: Annotated[str, StringConstraints(pattern=NUMBER, max_length=64)] | None = Field(
        default=None, description="Semantic version; the next patch if not given."
    )
    features: (
        Annotated[
            list[Word],
            Field(min_length=1, max_length=10_000, json_schema_extra={"uniqueItems": True}),
        ]
        | None
    ) = Field(default=None, description="Column names, in order.")
    config: dict[str, Any] | None = Field(default=None, description="Training configuration.")
    metrics: dict[str, Any] | None = Field(default=None, description="Flat or per split.")
    metadata: Annotated[dict[str, Any], Field(max_length=64)] | None = None
    provenance: dict[str, Any] | None = Field(
        default=None, description="`seed`, `split_windows`, `trained_end`, `packages`."
    )
    tags: Annotated[list[Tag], Field(max_length=64)] = Field(default_factory=list)
    description: Text = ""
    datasets: Annotated[list[Reference], Field(max_length=100)] = Field(
        default_factory=list, description="Files it was trained on; their content is hashed."
    )
    at: Moment | None = Field(default=None, description="When it was registered, for backfills.")


class RegisterReference(Registration):
    """An artifact that lies on the server already."""

    model_config = ConfigDict(
        json_schema_extra=examples(
            {
                "model_type": "lightgbm",
                "artifact": {"root": "exports", "path": "momentum/2013-02-01/model.txt"},
            }
        )
    )

    artifact: Reference | None = Field(
        default=None, description="Leave it out to declare a draft without an artifact."
    )
    stage: Literal["trained", "draft"] = "trained"
