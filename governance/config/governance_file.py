"""``governance.yaml``: the models that this installation governs.

A missing file means that no model is declared (the registry works without one), unless somebody
named it; an empty or broken file is an error, since a half-written file must not read as "nothing
is governed".
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from governance.config.access import AccessSettings
from governance.config.alerts import AlertSettings
from governance.config.document import Section, take
from governance.config.model import ModelDeclaration
from governance.config.reading import read_document
from governance.config.strict_yaml import parse_yaml
from governance.config.words import ModelName
from governance.errors import ConfigError
from governance.settings import Settings

# A thousand models with a page each; five seconds to read.
MAX_BYTES = 8 * 1024 * 1024


class GovernanceConfig(Section):
    """The file itself.

    Attributes:
        models: the governed models by name.
        alerts: who is told of incidents.
        access: who may do what.
    """

    models: dict[ModelName, ModelDeclaration] = Field(default_factory=dict)
    alerts: AlertSettings = Field(default_factory=AlertSettings)
    access: AccessSettings = Field(default_factory=AccessSettings)

    def model(self, name: str) -> ModelDeclaration:
        """The declaration of ``name``; :class:`ConfigError` says which names there are.

        >>> GovernanceConfig().model("momentum")
        Traceback (most recent call last):
            ...
        governance.errors.ConfigError: model 'momentum' is not declared; ...
        """
        if name in self.models:
            return self.models[name]
        names = ", ".join(sorted(self.models)) or "none"
        raise ConfigError(
            f"model {name[:80]!r} is not declared; add it to governance.yaml (declared: {names})"
        )


def parse_config(data: bytes, *, source: str = "governance.yaml") -> GovernanceConfig:
    """
    >>> parse_config(b"models: {}").models
    {}
    """
    return take(parse_yaml(data, source=source, most=MAX_BYTES), GovernanceConfig)


def load_config(path: Path, *, required: bool = False) -> GovernanceConfig:
    """The models declared in the file ``path``; none where there is no such file.

    Args:
        required: somebody named this file, so that its absence is a mistake: without it every
            declared limit would silently be gone.
    """
    try:
        missing = not path.exists() and not path.is_symlink()
    except OSError:  # a folder on the way that may not be entered: reading says why
        missing = False
    if missing and required:
        raise ConfigError(
            f"GOVERNANCE_CONFIG names {path}, which does not exist; correct the path, or unset it "
            "for <home>/config/governance.yaml"
        )
    return (
        GovernanceConfig()
        if missing
        else take(read_document(path, most=MAX_BYTES), GovernanceConfig)
    )


def declared_models(settings: Settings) -> GovernanceConfig:
    """The models that this installation governs, as its file says now."""
    return load_config(settings.config_path, required=settings.config is not None)
