"""Is this installation fit to work in? Each check says what it found and what to do about it.

`governance doctor` shows it (``governance.cli.doctor``). Nothing is made or mended here, so it may
run beside everything else, before anything exists and while the database is down.
"""

from governance.doctor.examination import CHECKS, examine
from governance.doctor.finding import Finding, Status
from governance.doctor.installation import Installation

__all__ = ["CHECKS", "Finding", "Installation", "Status", "examine"]
