"""Drivers: how participants reach one another, one file for each transport."""
