"""Telling people: one attempt per order, on one bounded lane per channel."""
