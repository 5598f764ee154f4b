"""What a plug-in's own tests need: the laws of spaces, strategies, evaluators, stores and executors, and toys to try
them on.
"""
