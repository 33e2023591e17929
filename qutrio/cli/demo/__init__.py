"""The demo: three real nodes on one machine go through an outage and the death of their master."""
