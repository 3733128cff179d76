"""The generated reference is what the code says now; `make docs` writes it."""

from __future__ import annotations

import re

import pytest

from local.reference import FOLDER, pages
from tests.docs.pages import ROOT


@pytest.mark.parametrize("name", sorted(pages()))
def test_a_reference_page_follows_from_the_code(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == pages()[name], "run `make docs`"


def test_every_link_inside_the_documentation_leads_somewhere() -> None:
    broken = []
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md")]:
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
            if "://" not in target and not (page.parent / target).exists():
                broken.append(f"{page.relative_to(ROOT)}: {target}")
    assert not broken
