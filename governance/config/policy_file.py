"""``promotion_policy.yaml``: what is asked of models, for all and for single ones.

A missing file means the defaults, unless somebody named it; a broken one is an error. The limits
themselves are ``governance.policy``'s.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from governance.config.document import Section, read_document, take
from governance.config.strict_yaml import parse_yaml
from governance.config.words import ModelName
from governance.errors import ConfigError
from governance.policy.drift.limits import DriftLimits
from governance.settings import Settings


class ModelPolicy(Section):
    """
    Attributes:
        drift: when live data have drifted, and when that is an alarm.
    """

    drift: DriftLimits = Field(default_factory=DriftLimits)


class PolicyFile(Section):
    """The file itself.

    Attributes:
        defaults: for every model.
        models: by name; what is given here replaces the default, key by key.
    """

    defaults: ModelPolicy = Field(default_factory=ModelPolicy)
    models: dict[ModelName, ModelPolicy] = Field(default_factory=dict)

    def drift(self, model: str) -> DriftLimits:
        """The limits that count for ``model``.

        >>> text = b"defaults: {drift: {min_rows: 50}}\\nmodels: {m: {drift: {calm_days: 3}}}"
        >>> limits = parse_policy(text).drift("m")
        >>> limits.min_rows, limits.calm_days
        (50, 3)
        """
        own = self.models.get(model)
        return self.defaults.drift if own is None else self.defaults.drift.changed_by(own.drift)


def parse_policy(data: bytes, *, source: str = "promotion_policy.yaml") -> PolicyFile:
    return take(parse_yaml(data, source=source), PolicyFile)


def load_policy(settings: Settings) -> PolicyFile:
    """The policy of this installation, as its file says now."""
    path: Path = settings.policy_path
    try:
        missing = not path.exists() and not path.is_symlink()
    except OSError:  # a folder on the way that may not be entered: reading says why
        missing = False
    if missing and settings.policy is not None:
        raise ConfigError(
            f"GOVERNANCE_POLICY names {path}, which does not exist; correct the path, or unset it "
            "for <home>/config/promotion_policy.yaml"
        )
    return PolicyFile() if missing else take(read_document(path), PolicyFile)
