"""Has the live data of a model moved away from what it was trained on, and from last month?

Read from the ground up: ``edges`` and ``profile`` (what is counted), ``block`` (a version's hour or
day), ``sources`` (where rows come from), ``statistics`` (one figure a file), ``reference`` and
``comparison`` (what is normal, and how far from it), ``scan`` (one look), ``detector`` (`gov.drift`).
What counts as drift is the policy's (``governance.policy.drift``).
"""
