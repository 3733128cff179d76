"""Configuration files: strict YAML, and the models that ``governance.yaml`` declares.

Neighbours: ``governance.settings`` says where the file is; ``governance.policy`` owns the limits
that a declaration converts into. Importing this package loads neither pandas nor numpy, since
Airflow's DAG processor does it on every parse.
"""

from governance.config.data_limits import DataQualityLimits, Range
from governance.config.document import take
from governance.config.governance_file import (
    GovernanceConfig,
    declared_models,
    load_config,
    parse_config,
)
from governance.config.model import ModelDeclaration

__all__ = [
    "DataQualityLimits",
    "GovernanceConfig",
    "ModelDeclaration",
    "Range",
    "declared_models",
    "load_config",
    "parse_config",
    "take",
]
