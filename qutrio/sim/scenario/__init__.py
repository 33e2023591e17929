"""Scenarios: timelines of faults and expectations that users write, played in the simulator."""
