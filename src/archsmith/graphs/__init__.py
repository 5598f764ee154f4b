"""Networks as data: the operation table, the graph, and its views (cost, identity, features, drawing, source, runnable
network).
"""
