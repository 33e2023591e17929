"""Sends notices: one attempt per order, on one bounded queue per channel."""
