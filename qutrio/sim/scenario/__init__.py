"""A user's "what if": a story of faults and expectations, played in a virtual world."""
