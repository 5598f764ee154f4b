"""What a plug-in's own tests need: laws that every space, strategy, evaluator, store and executor keeps, and toys to
try them on.
"""
