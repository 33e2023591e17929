"""What a node writes down, so that incidents and changes of the master can be explained later.

`writer` turns what a step did into facts, one line each.  `reports` makes the report of one
incident from them, and `leadership_history` tells who was master when.
"""
