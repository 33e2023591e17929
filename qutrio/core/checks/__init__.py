"""From probe results to verdicts.

Members exchange what their probes found (`result_exchange`).  Each node counts the latest fresh
vote of every member on every check (`votes`) and derives the verdict (`verdicts`).  Every node
counts, but only the master sends notices.

Whether a change of verdict sends a notice is decided in four files, in this order:
`checks.verdicts`, `alerting.alert_manager`, `alerting.scheduler`, `alerting.notices`.
"""
