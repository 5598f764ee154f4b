"""``/api/v1``: every page's facts as JSON, and everything that a person can do, with an OpenAPI description."""
