"""A story that three real nodes tell on one machine: an outage, a killed master, one page."""
