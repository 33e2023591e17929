"""The input and output of a node: events, effects, messages and views.

`Node.step` takes one event and returns effects; nothing else enters or leaves the core.  Messages
are what nodes send to each other, mutations are requested changes of the cluster document, and a
view is what other tasks may know about a node.  All of these are plain values.  The other modules
are rules about them: `admission` and `draft` for mutations, `hand_edit` for an edited file,
`shown` for whether a document has a requested change.
"""
