"""Bounded queues and shared values between tasks, clocks, backoff, and the log interface."""
