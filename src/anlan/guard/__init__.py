"""Who may do what, and who did it: named people at posts, roles as data, sessions, and an audit record that only grows.

In: an account and a password, a session token, a step about to be taken. Out: a `Principal` who may or may not, and an audit leaf in
the same transaction as the change. Roles and their actions are data (`data/roles.yaml`). Knows nothing of HTTP; `web.auth` hangs it
into the routes.
"""
