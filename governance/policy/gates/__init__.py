"""One gate per module: a pure function from facts and a threshold to a :class:`GateResult`."""
