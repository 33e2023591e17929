"""What goes into a node and what comes out of it: events, effects, messages and views.

`Node.step` takes one event and returns effects; nothing else crosses the border of the core.
Messages are what nodes send to each other, mutations are changes of the cluster document that
somebody asks for, and a view is what other tasks may know of a node.  All of these are plain
values.
"""
