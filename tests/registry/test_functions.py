from __future__ import annotations

from pathlib import Path

import pytest

from governance.errors import ConfigError
from governance.registry.functions import load_function


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        ("", "is no reference"),
        ("math", "is no reference"),
        ("math:", "is no reference"),
        ("math:sqrt()", "is no reference"),
        ("../evil:run", "is no reference"),
        ("math:sqrt\n", "is no reference"),
        ("no_such_module_here:run", "cannot be imported"),
        ("math:no_such_name", "has no no_such_name"),
        ("math:pi", "is not a function: pi"),
    ],
)
def test_what_cannot_be_called_is_refused_with_the_reference(reference: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        load_function(reference, what="trainer")


def test_the_error_of_a_broken_module_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_trainer_module.py").write_text("raise RuntimeError('needs a licence')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match="RuntimeError: needs a licence") as caught:
        load_function("broken_trainer_module:train")
    assert isinstance(caught.value.__cause__, RuntimeError)
