"""Tiny packages made by the tests, so that none needs a network."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import threading
import zipfile
from collections.abc import Iterator, Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def make_wheel(
    folder: Path,
    name: str,
    version: str,
    requires: Sequence[str] = (),
    zeros: int = 0,
    source: str = "",
) -> Path:
    """The wheel of a package with one module, which knows its version; in `folder/NAME/`.

    Args:
        zeros: the bytes of another file in it, which take no room in the wheel.
        source: what else stands in the module.
    """
    tag = "py3-none-any"
    info = f"{name}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {one}\n" for one in requires)
    files = {
        f"{name}.py": f"VERSION = {version!r}\n{source}",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    if zeros:
        files[f"{name}-zeros"] = "0" * zeros
    record = "".join(f"{path},sha256={_digest(text)},{len(text)}\n" for path, text in files.items())
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n"
    (folder / name).mkdir(parents=True, exist_ok=True)
    wheel = folder / name / f"{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in files.items():
            archive.writestr(zipfile.ZipInfo(path), text, zipfile.ZIP_DEFLATED)
    return wheel


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


class _Quiet(SimpleHTTPRequestHandler):
    """Serves a folder, whose listings are what a package index says; with a password if told to."""

    password = ""

    def do_GET(self) -> None:
        wanted = base64.b64encode(self.password.encode()).decode()
        if self.password and self.headers.get("Authorization") != f"Basic {wanted}":
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="index"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        super().do_GET()

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def package_index(folder: Path, address: str = "127.0.0.1", password: str = "") -> Iterator[str]:
    """A package index of the wheels in `folder`, by HTTP; its address, with the password."""
    kind = type("Handler", (_Quiet,), {"password": password})
    server = ThreadingHTTPServer((address, 0), partial(kind, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    user = f"{password}@" if password else ""
    try:
        yield f"http://{user}{address}:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
