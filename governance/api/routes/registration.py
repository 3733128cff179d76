"""Register a version: by upload, streamed to disk, or by a reference below an allowed root.

Who registers is who sends it. Nothing is parsed and nothing is judged. The same bytes with the same
provenance give the version that exists (200 instead of 201), which makes a repeated call harmless.
"""

from __future__ import annotations

import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import File, Form, UploadFile
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError, WithJsonSchema
from starlette.responses import Response

from governance.api.body import MAX_JSON, parsed
from governance.api.guard import Asking, Caller, right
from governance.api.references import fetch, locate, roots_of
from governance.api.routing import router as new_router
from governance.api.shapes.models import Registered
from governance.api.shapes.parts import ModelName
from governance.api.shapes.registration import RegisterReference, Registration
from governance.errors import InvalidInputError
from governance.files import storage_errors

router = new_router("models")

_MEMBER = re.compile(r"model\.[A-Za-z0-9][A-Za-z0-9._-]{0,100}")
_EXAMPLE = '{"model_type": "lightgbm", "metrics": {"test": {"auc": 0.71}}}'
NonEmpty = Annotated[
    UploadFile, WithJsonSchema({"type": "string", "format": "binary", "minLength": 1})
]
_BOTH: dict[int | str, dict[str, Any]] = {
    200: {"model": Registered, "description": "These bytes were registered before."}
}


@router.post(
    "/models/{model}/versions",
    status_code=201,
    responses=_BOTH,
    openapi_extra=right("models.register", upload=True),
)
def upload_version(
    caller: Asking,
    response: Response,
    model: ModelName,
    registration: Annotated[
        str,
        Form(
            min_length=1,
            max_length=MAX_JSON,
            description="A `Registration` as JSON text.",
            examples=[_EXAMPLE],
        ),
    ],
    artifact: Annotated[
        list[NonEmpty],
        File(description="One file, or several named `model.*`.", min_length=1, max_length=200),
    ],
) -> Registered:
    """Register a version by upload: a form with `registration` (JSON) and one or more files."""
    asked = _parsed(registration)
    with _work_folder(caller) as folder:
        return _register(caller, response, model, asked, _kept(artifact, folder))


@router.post(
    "/models/{model}/registrations",
    status_code=201,
    responses=_BOTH,
    openapi_extra=right("models.register"),
)
def register_by_reference(
    caller: Asking, response: Response, model: ModelName, asked: RegisterReference
) -> Registered:
    """Register what lies on the server below an allowed root, or declare a draft."""
    if asked.artifact is None:
        return _register(caller, response, model, asked, None, stage=asked.stage)
    with _work_folder(caller) as folder:
        one = asked.artifact
        path = fetch(_roots(caller), one.root, one.path, folder)
        if path.is_dir() and not any(_MEMBER.fullmatch(file.name) for file in path.iterdir()):
            raise InvalidInputError("the folder holds no member; name its files model.*")
        return _register(caller, response, model, asked, path, stage=asked.stage)


def _register(
    caller: Caller,
    response: Response,
    model: str,
    asked: Registration,
    path: Path | None,
    *,
    stage: str = "trained",
) -> Registered:
    datasets = [locate(_roots(caller), one.root, one.path) for one in asked.datasets]
    found = caller.gov.registry.register_model(
        model,
        model_path=path,
        model_type=asked.model_type,
        version=asked.version,
        stage=stage,
        dataset_paths=datasets,
        features=asked.features,
        config=asked.config,
        metrics=asked.metrics,
        metadata=asked.metadata,
        tags=asked.tags,
        description=asked.description,
        provenance=asked.provenance,
        created_by=caller.name,
        at=asked.at,
    )
    caller.gov.files.catch_up()
    if not found.created:
        response.status_code = 200
    return Registered.model_validate(found)


def _parsed(text: str) -> Registration:
    """The form's JSON, checked as a JSON body would be."""
    value = parsed(text.encode("utf-8", "surrogatepass"))
    try:
        return Registration.model_validate(value)
    except ValidationError as error:
        found = [
            {**item, "loc": ("registration", *item["loc"])}
            for item in error.errors(include_input=False, include_url=False, include_context=False)
        ]
        raise RequestValidationError(found) from error


@contextmanager
def _work_folder(caller: Caller) -> Iterator[Path]:
    """A folder of this request's own, on the disk of the home; gone afterwards.

    What a killed process leaves there `governance registry gc` removes, as other leftovers.
    """
    staging = caller.gov.settings.home / "staging" / "artifacts"
    folder = staging / f"stage-{secrets.token_hex(16)}"
    with storage_errors("make a folder for what is registered"):
        folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _kept(files: list[UploadFile], folder: Path) -> Path:
    target = folder / "artifact"
    names = [Path(one.filename or "").name for one in files]
    with storage_errors("keep the upload"):
        target.mkdir()
        if len(files) == 1:
            suffix = re.sub(r"[^A-Za-z0-9]", "", Path(names[0]).suffix)[:16] or "bin"
            _write(files[0], path := target / f"upload.{suffix}")
            return path
        for one, name in zip(files, names, strict=True):
            if not _MEMBER.fullmatch(name) or names.count(name) > 1:
                raise InvalidInputError("several files are named model.*, each another name")
            _write(one, target / name)
    return target


def _write(upload: UploadFile, path: Path) -> None:
    with path.open("xb") as file:
        shutil.copyfileobj(upload.file, file, 1 << 20)
        if file.tell() == 0:
            raise InvalidInputError("an uploaded file is empty; an artifact has at least one byte")


def _roots(caller: Caller) -> Mapping[str, Path]:
    return roots_of(caller.gov.settings.api_artifact_roots)
