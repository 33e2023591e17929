"""How seats reach one another: one file for each way."""
