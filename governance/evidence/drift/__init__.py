"""Has the live data of a model moved away from what it was trained on, and from last month?

Read from the ground up: ``profiles`` (what is counted, in hours and days), ``sources`` (where live
rows come from), ``statistics`` (one figure a file), ``normal`` (what is normal, and how far from
it), ``records`` (what is kept), ``scanning`` (one look, and many), ``ad_hoc`` (two tables side by
side); ``report`` is what a look says and ``detector`` is `gov.drift`. What counts as drift is the
policy's (``governance.policy.drift``).
"""
