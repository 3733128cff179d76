"""What people see of drift: a page for each report (``html``), a message for each alert
(``mail``).

Both are rendered from plain JSON that history recorded, in the words of ``words`` and the figures
of ``rows``, with the plots of ``plots`` and ``timeline``; ``files`` puts the page where the link
points. Nothing here reads a database or a clock, so the same record always gives the same bytes.
"""
