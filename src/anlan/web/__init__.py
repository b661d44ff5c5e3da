"""The kit for pages and routes: who asks (Principal), what an answer looks like, how values are pushed. Imports no room below.

In: a `Context` that `node` fills, routers and pages of the rooms. Out: one ASGI app in which every route declares an action, every error
is problem+json, every write can be repeated safely, and nothing but the sign-in answers to a stranger.

  app.py       the app from its parts          auth.py      require(action): who may            gate.py      deny by default, headers, log line
  problem.py   errors as problem+json          answers.py   JSON without NaN, times             idempotency.py  a write repeated is done once
  paging.py    cursors                         fanout.py    live values, encoded once           stream.py    what has to reach all browsers
  pages.py     NiceGUI pages behind the gate   sockets.py   NiceGUI's sockets, bound to the session that opened the page
"""
