"""Bundles as a web service: our own routes, and the Open Inference Protocol (KServe v2).

Needs the extra ``serve`` and never torch. One event loop reads requests and writes answers; networks run in a pool of
threads. ``archsmith.server.app`` joins the parts; ``archsmith.server.run`` is the process around it.
"""
