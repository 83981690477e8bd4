"""Templates with what every page needs: words, the caller, the theme."""

from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from fastapi import Depends, Request
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from acir import __version__
from acir.api.pages import returning
from acir.api.pages.saying import SAYING
from acir.api.words import LANGUAGES, Catalogues, Words, preferred
from acir.workflows.serving.settings import ServeSettings

Theme = Literal["auto", "light", "dark"]
THEMES: tuple[Theme, ...] = get_args(Theme)
YEAR = 365 * 24 * 3600
STATIC = Path(__file__).parents[1] / "static"


class Renderer:
    """Makes pages for one application.

    Args:
        words: What they say, by language.
        settings: How the server runs; pages leave out what it does not have.
    """

    def __init__(self, words: Catalogues, settings: ServeSettings) -> None:
        self._words, self._settings = words, settings
        self._environment = Environment(
            loader=PackageLoader("acir.api"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters.update(SAYING)

    def words(self, request: Request) -> Words:
        """Return the words of the language that was chosen, else of the browser's."""
        chosen = request.query_params.get("lang") or request.cookies.get("acir_lang", "")
        accepted = request.headers.get("accept-language", "")
        return self._words.of(chosen if chosen in LANGUAGES else preferred(accepted))

    def __call__(
        self, request: Request, template: str, status: int = HTTPStatus.OK, **values: object
    ) -> Response:
        """Return a page; a `lang` or `theme` in its address is remembered in a cookie."""
        words, theme = self.words(request), _theme(request)
        shared = {
            "t": words,
            "theme": theme,
            "caller": getattr(request.state, "caller", None),
            "request": request,
            "version": __version__,
            "languages": LANGUAGES,
            "themes": THEMES,
            "settings": self._settings,
        }
        html = self._environment.get_template(template).render(shared | values)
        response, secure = HTMLResponse(html, status), self._settings.server.is_encrypted
        for name, value in (("lang", words.language), ("theme", theme)):
            if name in request.query_params:
                response.set_cookie(
                    f"acir_{name}", value, max_age=YEAR, secure=secure, httponly=True,
                    samesite="lax",
                )  # fmt: skip
        return response

    def error(self, request: Request, status: HTTPStatus, detail: str) -> Response:
        """Return the page of an error; without a session it asks to sign in."""
        template = "login.html" if status == HTTPStatus.UNAUTHORIZED else "error.html"
        values: dict[str, Any] = {"failed": "", "name": "", "detail": detail, "code": int(status)}
        values["back"] = _form_page(request)
        response = self(request, template, status, **values)
        if status == HTTPStatus.UNAUTHORIZED:
            returning.remember(request, response, self._settings.server.is_encrypted)
        return response


def of(request: Request) -> Renderer:
    """Return the renderer of the application that a request came to."""
    renderer: Renderer = request.app.state.renderer
    return renderer


Render = Annotated[Renderer, Depends(of)]


def _form_page(request: Request) -> str:
    """Return the address of the page of ours whose form was sent; empty if there is none."""
    named = request.headers.get("referer", "")
    is_form = request.method == "POST" and named.startswith(str(request.base_url))
    return named if is_form else ""


def _theme(request: Request) -> Theme:
    chosen = request.query_params.get("theme") or request.cookies.get("acir_theme", "")
    return next((theme for theme in THEMES if theme == chosen), "auto")
