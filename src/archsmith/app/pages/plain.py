"""Pages that stay as they are: the frame of all pages as plain HTML. No connection is opened for one, and nothing of it
stays in the memory of the app.
"""

from __future__ import annotations

from html import escape

from archsmith.app.pages.frame import FOOT, HEAD, PLACES


def plain(title: str, body: str) -> str:
    """The page. ``title``: plain words. ``body``: HTML, in which texts of others are escaped already."""
    links = "".join(f'<a href="{path}">{escape(name)}</a>' for name, path in PLACES.items())
    foot = "".join(f'<a href="{path}">{escape(name)}</a>' for name, path in FOOT.items())
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)} · Archsmith</title>
{HEAD}
</head>
<body class="plain">
<div class="nicegui-content">
<header class="top"><a class="brand" href="/">Archsmith</a><nav aria-label="Pages">{links}</nav>
<button class="plain" type="button" data-theme aria-label="Switch between light and dark">◐</button></header>
<main id="main">
<h1>{escape(title)}</h1>
{body}
<nav class="foot" aria-label="About">{foot}</nav>
</main>
</div>
</body>
</html>
"""
