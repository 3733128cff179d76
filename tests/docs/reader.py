"""A reader of the documentation: types what a page says into a shell, in a folder of its own.

All commands of a page run in one fresh interpreter, since starting one costs more than most
commands; each gets its own arguments and answers as the console script does.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import runpy
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tests.docs.pages import ROOT


class Said(NamedTuple):
    """What a command answered."""

    command: str
    code: int
    text: str


@dataclass(frozen=True, slots=True)
class Reader:
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def types(self, commands: Sequence[str]) -> list[Said]:
        """The answers, whatever they are."""
        done = subprocess.run(
            [sys.executable, "-m", "tests.docs.reader"],
            cwd=self.folder,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join([str(self.folder), str(ROOT)]),
                "GOVERNANCE_HOME": str(self.folder / "home"),
                "GOVERNANCE_CONFIG": str(self.folder / "config" / "governance.yaml"),
                "GOVERNANCE_ACTOR": "reader",
                "COLUMNS": "200",
                **self.environment,
            },
            input=json.dumps(list(commands)),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return [Said(*answer) for answer in json.loads(done.stdout)]

    def succeeds(self, commands: Sequence[str]) -> list[str]:
        """The answers of commands that must all end with 0."""
        answers = self.types(commands)
        assert [said for said in answers if said.code] == []
        return [said.text for said in answers]


def _answer(command: str) -> Said:
    program, *arguments = shlex.split(command)
    sys.argv = [program, *arguments]
    text, code = io.StringIO(), 0
    with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
        try:
            if program == "python":
                sys.argv = arguments
                runpy.run_path(arguments[0], run_name="__main__")
            elif program == "governance":
                from governance.cli.app import main

                main()
            else:
                raise ValueError(f"no such program: {program}")
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return Said(command, code, text.getvalue())


if __name__ == "__main__":
    print(json.dumps([_answer(command) for command in json.load(sys.stdin)]))
