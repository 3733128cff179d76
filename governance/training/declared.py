"""Can what `governance.yaml` declares be used here: are its functions there, do its graphs close?

Neighbours: `governance.config` read the file strictly before; the command line and the demo ask
here before anything long begins. Not promised: that the functions do what their names say.
"""

from __future__ import annotations

from pathlib import Path

from governance.config import GovernanceConfig
from governance.config.drift import FunctionData
from governance.config.model import FunctionCall
from governance.errors import ConfigError, FeatureGraphError
from governance.registry.features import FeatureGraph
from governance.registry.functions import load_function
from governance.training.prepare import feature_graph


def check_declarations(config: GovernanceConfig, *, file: Path) -> dict[str, FeatureGraph]:
    """Import every declared function and build every feature graph; gives the graphs by model.

    Args:
        file: where the declarations come from, for the message.

    Raises:
        ConfigError: a function cannot be imported, or features form no graph; the message names
            file, model and part.
    """
    graphs = {}
    for name, model in config.models.items():
        try:
            calls: list[tuple[str, FunctionCall | FunctionData]] = [
                ("source", model.source),
                ("label", model.label),
                ("trainer", model.trainer),
            ]
            if model.drift is not None and isinstance(model.drift.live, FunctionData):
                calls.append(("drift.live", model.drift.live))
            for what, call in calls:
                load_function(call.function, what=what)
            graphs[name] = feature_graph(model)
            _ = graphs[name].hash  # reads the code of every logic, so that a missing one shows
        except (ConfigError, FeatureGraphError) as error:
            raise ConfigError(f"{file}: models.{name}: {error.message}") from error
    return graphs
