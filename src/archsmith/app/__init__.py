"""The web app: the pipeline from data to a served network in a browser. Needs the extra ``app``.

``House`` holds what pages and API ask; ``api`` answers in JSON below ``/api/v1``; ``pages`` shows the same facts to
people. Nothing here trains: searches, checks of data and servers of models are processes of their own, which live on
when the app ends.
"""
