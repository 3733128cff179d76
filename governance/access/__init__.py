"""Who may do what: roles on models by name, API tokens, and the record of who was refused.

Asked by the faces (HTTP, Airflow's plugin); library and command line record the `by` that they are
given. Neighbours: `roles` and `rights` are pure and say what is allowed; `tokens` and `people` say
who asks; `denials` writes down what was refused. The policy file's lists (`approvers`,
`force.allowed`) hold beside all of this and are not here.
"""
