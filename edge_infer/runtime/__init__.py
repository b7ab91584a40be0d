"""The only room that knows a middleware.

Nodes are written against ``api``; ``open_runtime`` in ``selection`` chooses what stands behind it.
"""
