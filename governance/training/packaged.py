"""Finding a data file inside an installed package, without importing that package.

The demo's data comes inside two PyPI packages. Importing them costs seconds (one pulls in a whole
statistics stack, the other reads every table it has and needs the retired ``pkg_resources``), so
only the file is taken. Not promised: the layout of other releases; the lock file fixes which are
installed.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from governance.errors import DataSourceError


def packaged_file(package: str, *parts: str) -> Path:
    """Path of ``parts`` inside the installed ``package``.

    Raises:
        DataSourceError: the package or the file is not there; the message says what to install.

    >>> packaged_file("nowhere", "data.csv")
    Traceback (most recent call last):
        ...
    governance.errors.DataSourceError: package 'nowhere' is not installed; ...
    """
    spec = importlib.util.find_spec(package)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    if not folders:
        raise DataSourceError(
            f"package {package!r} is not installed; it carries the demo's data: "
            "pip install 'airflow-model-governance[demo]'"
        )
    for folder in folders:
        path = Path(folder).joinpath(*parts)
        if path.is_file():
            return path
    raise DataSourceError(
        f"package {package!r} has no {'/'.join(parts)}; "
        "install the release named in requirements-demo.txt"
    )
