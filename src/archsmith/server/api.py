"""All routes of a server."""

from __future__ import annotations

from collections.abc import Mapping

from archsmith.server import open_inference, openapi
from archsmith.server.metrics import Metrics
from archsmith.server.model import Model
from archsmith.server.predict import predict
from archsmith.server.refusals import Refusal
from archsmith.server.registry import Registry
from archsmith.server.request import Answer, Request, as_json
from archsmith.server.routes import Route

Parts = Mapping[str, str]


class Api:
    """The handlers.

    ``registry``: the models.
    ``metrics``: what ``/metrics`` shows.
    ``closing``: is the server about to end? Then it is not ready any more.
    """

    def __init__(self, registry: Registry, metrics: Metrics) -> None:
        self.registry = registry
        self.metrics = metrics
        self.settings = registry.settings
        self.closing = False

    def routes(self) -> list[Route]:
        model, versioned = "/v2/models/{name}", "/v2/models/{name}/versions/{version}"
        return [
            Route("POST", "/v1/models/{name}/predict", self.predict),
            *(Route("POST", f"{path}/infer", self.infer) for path in (model, versioned)),
            Route("GET", "/healthz", self.healthz),
            Route("GET", "/readyz", self.readyz),
            Route("GET", "/metrics", self.show_metrics),
            Route("GET", "/openapi.json", self.openapi),
            Route("GET", "/v1/models", self.models),
            Route("GET", "/v1/models/{name}", self.model),
            Route("GET", "/v2", self.v2),
            Route("GET", "/v2/health/live", self.live),
            Route("GET", "/v2/health/ready", self.ready),
            *(Route("GET", path, self.v2_model) for path in (model, versioned)),
            *(Route("GET", f"{path}/ready", self.v2_model_ready) for path in (model, versioned)),
        ]

    async def healthz(self, request: Request, parts: Parts) -> Answer:
        return as_json({"status": "ok"})

    async def readyz(self, request: Request, parts: Parts) -> Answer:
        self._refuse_unready()
        return as_json({"status": "ready"})

    async def show_metrics(self, request: Request, parts: Parts) -> Answer:
        return self.metrics.page()

    async def openapi(self, request: Request, parts: Parts) -> Answer:
        return as_json(openapi.document(self.registry.models, with_token=self.settings.token is not None))

    async def models(self, request: Request, parts: Parts) -> Answer:
        return as_json({"models": [self._about(model) for model in self.registry.models]})

    async def model(self, request: Request, parts: Parts) -> Answer:
        return as_json(self._about(self._asked(request, parts)))

    async def predict(self, request: Request, parts: Parts) -> Answer:
        return await predict(request, self._asked(request, parts), self.settings)

    async def v2(self, request: Request, parts: Parts) -> Answer:
        return open_inference.server()

    async def live(self, request: Request, parts: Parts) -> Answer:
        return as_json({"live": True})

    async def ready(self, request: Request, parts: Parts) -> Answer:
        self._refuse_unready()
        return as_json({"ready": True})

    async def v2_model(self, request: Request, parts: Parts) -> Answer:
        return open_inference.metadata(self._asked(request, parts))

    async def v2_model_ready(self, request: Request, parts: Parts) -> Answer:
        return as_json({"name": self._asked(request, parts).name, "ready": True})

    async def infer(self, request: Request, parts: Parts) -> Answer:
        return await open_inference.infer(request, self._asked(request, parts), self.settings)

    def _asked(self, request: Request, parts: Parts) -> Model:
        """The model of the path, in the version of the path where it names one."""
        model = self.registry.get(parts["name"])
        request.model = model.name
        if parts.get("version", model.version) != model.version:
            raise Refusal(
                404, "no_version", f"There is no version {parts['version'][:64]!r}.", f"There is {model.version!r}."
            )
        return model

    def _about(self, model: Model) -> dict[str, object]:
        return {**model.about(), "refused": self.registry.places[model.name].refused}

    def _refuse_unready(self) -> None:
        if self.closing or not self.registry.is_ready:
            raise Refusal.busy("The server is ending." if self.closing else "The models are being loaded.")
