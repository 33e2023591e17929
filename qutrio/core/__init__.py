"""The decisions of a node: pure, deterministic state machines, without clocks, files or sockets.

Time is passed in as `now`, and effects are returned as values.  Start at `node`: it routes an event
(`router`), lets the state machines advance and returns their effects.  From the lowest room to the
highest: `api` (events, effects, messages), `quorum`, `election`, `consensus`, `leadership`,
`checks`, `alerting` and `journal`.
"""
