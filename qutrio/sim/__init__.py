"""Simulates whole clusters: seeded, single-stepped, replayable, without trio.

`schedule` plans and plays a seed, `world` is the simulated cluster, `invariants` judges every
event, and `scenario` plays outages that people describe.
"""
