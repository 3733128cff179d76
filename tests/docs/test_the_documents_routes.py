"""docs/how-to/the-documents-routes.md: every route of the documents leads somewhere."""

from __future__ import annotations

import re

from governance import Governance
from governance.api import create_app
from governance.serving import create_app as create_serving_app
from tests.docs.pages import ROOT

PAGE = ROOT / "docs" / "how-to" / "the-documents-routes.md"
LATER = "comes with that part"

# As the documents list them.
ASKED = {
    "001": """
POST /api/v1/models/{model}/predict
GET /api/v1/models/{model}/status
GET /api/v1/models/{model}/versions
POST /api/v1/ml/{model}/backtest
POST /api/v1/ml/{model}/promote
""",
    "002": """
POST /governance/models/register
GET /governance/models
GET /governance/models/{model_name}/{version}
GET /governance/models/{model_name}/latest
POST /governance/models/{model_name}/{version}/promote
POST /governance/models/{model_name}/{version}/metrics
GET /governance/models/{model_name}/{version}/metrics
GET /governance/drift/alerts
POST /governance/drift/alerts/{alert_id}/acknowledge
POST /governance/ab-tests
POST /governance/ab-tests/{test_id}/start
GET /governance/ab-tests
GET /governance/ab-tests/{test_id}
GET /governance/ab-tests/{test_id}/results
""",
    "003": """
GET /governance/models
POST /governance/models/register
POST /governance/models/promote
POST /governance/models/{model_type}/rollback
GET /governance/models/{version_id}/validate
GET /governance/ab-tests
POST /governance/ab-tests
POST /governance/ab-tests/{test_id}/stop
GET /governance/models/{version_id}/performance
POST /governance/models/{version_id}/monitoring
POST /governance/inference/record
GET /governance/dashboard
GET /governance/health
GET /governance/config
""",
}


def _rows() -> list[tuple[str, str, str, str]]:
    found = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if re.match(r"\| 00[0-9] \|", line):
            document, asked, here, where = (cell.strip(" `") for cell in line.split("|")[1:-1])
            found.append((document, asked, here, where))
    return found


def test_every_route_of_the_documents_has_its_row_and_no_other() -> None:
    expected = [
        (document, line) for document, text in ASKED.items() for line in text.strip().splitlines()
    ]
    assert [row[:2] for row in _rows()] == expected


def test_what_a_row_names_is_in_the_openapi_document(sqlite_gov: Governance) -> None:
    documents = {
        "management": create_app(sqlite_gov).openapi(),
        "serving": create_serving_app(sqlite_gov).openapi(),
    }
    for document, asked, here, where in _rows():
        if here == LATER:
            # Only what belongs to experiments and performance may come later.
            assert re.search(r"ab-tests|performance|monitoring|inference", asked), (document, asked)
            continue
        method, path = here.split()
        assert method.lower() in documents[where]["paths"][path], (document, asked, here)


def test_the_routes_that_the_text_names_exist(sqlite_gov: Governance) -> None:
    paths = create_app(sqlite_gov).openapi()["paths"]
    text = PAGE.read_text(encoding="utf-8").partition("What differs")[2]
    named = re.findall(r"`(GET|POST) (/api/v1/[^`]+)`", text)
    assert len(named) >= 5
    assert all(method.lower() in paths[path] for method, path in named)
