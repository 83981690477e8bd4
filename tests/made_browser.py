"""A real browser before a real server, for the tests of the page."""

import os
import shutil
import socket
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from time import monotonic, sleep
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, sync_playwright

AXE = Path(__file__).parent / "vendored" / "axe.min.js"
SETTLED = """() => Promise.all(
  document.getAnimations().filter(each => each instanceof CSSTransition)
    .map(each => each.finished.catch(() => {}))  // it may be cancelled
)"""
SCREENSHOTS = "ACIR_SCREENSHOTS"  # names a folder in which pictures of the pages are kept
# What the page gets when files are dropped on it or pasted into it.
TRANSFER = """async ([kind, files]) => {
  const transfer = new DataTransfer();
  for (const [name, content] of files) {
    const bytes = Uint8Array.from(atob(content), (each) => each.charCodeAt(0));
    transfer.items.add(new File([bytes], name));
  }
  const init = { bubbles: true, cancelable: true };
  const event = kind === "paste"
    ? new ClipboardEvent(kind, { ...init, clipboardData: transfer })
    : new DragEvent(kind, { ...init, dataTransfer: transfer });
  document.body.dispatchEvent(event);
}"""


@contextmanager
def listening(app: FastAPI) -> Iterator[str]:
    """Run an application at a free port of this machine; give its address."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
        thread = Thread(target=server.run, kwargs={"sockets": [held]}, daemon=True)
        thread.start()
        end = monotonic() + 60
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            assert monotonic() < end, "the server did not start in a minute"
            sleep(0.02)
        try:
            yield f"http://127.0.0.1:{held.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(30)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Debian's Chromium; skip, or fail where it has to be there."""
    path = shutil.which("chromium")
    if path is None:
        reason = "there is no chromium; apt-get install chromium"
        if os.environ.get("ACIR_REQUIRE_SERVICES") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


def transfer(page: Page, kind: str, files: Sequence[tuple[str, bytes]]) -> None:
    """Drop files on a page, or paste them into it."""
    encoded = [(name, b64encode(content).decode()) for name, content in files]
    page.evaluate(TRANSFER, [kind, encoded])


def accessibility_faults(page: Page) -> list[str]:
    """Return what breaks WCAG 2.2 at level AA on a page, as axe sees it."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    page.evaluate(SETTLED)  # half-way from dark to light, nothing can be read
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found: dict[str, Any] = page.evaluate(
        "tags => axe.run({ runOnly: { type: 'tag', values: tags } })", tags
    )
    return [
        f"{fault['id']}: {node['target']} {node.get('failureSummary', '')}"
        for fault in found["violations"]
        for node in fault["nodes"]
    ]


def keep(page: Page, name: str) -> None:
    """Keep a picture of a page where somebody wants to look at it."""
    folder = os.environ.get(SCREENSHOTS)
    if folder:
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
