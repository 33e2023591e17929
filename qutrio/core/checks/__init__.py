"""From probe results to verdicts.

Members exchange what their probes found (`result_exchange`).  Each node counts the latest fresh
vote of every member on every check (`votes`) and derives the verdict (`verdicts`).  Every node
counts, but only the master sends notices.

Whether a change of verdict pages somebody is decided in `checks.verdicts`,
`alerting.alert_manager` and `alerting.notices`, in this order; `alerting.scheduler` decides when.
"""
