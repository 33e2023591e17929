"""Decisions: pure, deterministic machines.  Time comes in as `now`; effects go out as values."""
