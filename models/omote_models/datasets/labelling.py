"""A small web page on this machine to label faces by keyboard."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from threading import Lock
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from pydantic import BaseModel, ConfigDict, Field

from omote_models.datasets.manifest import OLDEST, Entry, Manifest, read_manifest, write_manifest
from omote_models.face import Gender

Suggest = Callable[[Path], dict[str, object]]
"""What the models say of a face, shown only after it was labelled."""

_MOST_BYTES = 10_000
_LOOPBACK = ("127.0.0.1", "localhost")


class Label(BaseModel):
    """What a labeller said of one face."""

    model_config = ConfigDict(extra="forbid")

    number: int = Field(ge=0)
    age: float | None = Field(None, ge=0, le=OLDEST, allow_inf_nan=False)
    gender: Gender | None = None
    group: str | None = Field(None, max_length=60)
    skip: bool = False


class Desk:
    """The data set that is being labelled. Any thread may use it."""

    def __init__(self, folder: Path, date: str, suggest: Suggest, again: bool = False) -> None:
        """Open it.

        Args:
            folder: of the data set.
            date: of today, for its history.
            suggest: see `Suggest`.
            again: whether faces that are labelled come up too, to be reviewed.

        Raises:
            ManifestProblem: it is no data set.
        """
        self.folder = folder
        self._manifest: Manifest = read_manifest(folder)
        self._date = date
        self._suggest = suggest
        self._lock = Lock()
        self._changed = False
        entries = enumerate(self._manifest.samples)
        self.queue = [n for n, e in entries if again or not (e.has_label or e.skipped)]

    def entry(self, number: int) -> Entry:
        """One face.

        Raises:
            IndexError: there is none of that number.
        """
        if number < 0:
            raise IndexError(number)
        return self._manifest.samples[number]

    def label(self, label: Label) -> dict[str, object]:
        """Take a label, write it to disk, and only now say what the models think.

        Raises:
            IndexError: there is no such face.
            ValueError: it says neither an age nor a gender.
        """
        if not label.skip and label.age is None and label.gender is None:
            raise ValueError("give an age or a gender, or skip")
        with self._lock:
            entry = self.entry(label.number)
            entry.age = None if label.skip else label.age
            entry.gender = None if label.skip else label.gender
            entry.group = None if label.skip else (label.group or None)
            entry.labelled = "" if label.skip else f"by hand, {self._date}"
            entry.skipped = label.skip
            if not self._changed:
                self._manifest.changed(self._date, "labelled by hand")
                self._changed = True
            write_manifest(self.folder, self._manifest)
        return {} if label.skip else self._suggest(self.folder / entry.file)

    def facts(self) -> dict[str, object]:
        """What the page begins with: no suggestion is among it."""
        return {
            "name": self._manifest.name,
            "queue": self.queue,
            "labels": {
                n: {"age": e.age, "gender": e.gender, "group": e.group}
                for n in self.queue
                if (e := self._manifest.samples[n]).has_label
            },
        }


class LabelServer:
    """Serves the page to this machine; only who knows the address with its key may look."""

    def __init__(self, desk: Desk, port: int = 0) -> None:
        """Bind.

        Raises:
            OSError: the port is taken.
        """
        self._key = secrets.token_urlsafe(16)
        handler = type("Handler", (_Handler,), {"desk": desk, "key": self._key})
        self._http = ThreadingHTTPServer(("127.0.0.1", port), handler)

    @property
    def address(self) -> str:
        """Where a browser opens it."""
        return f"http://127.0.0.1:{self._http.server_port}/?key={self._key}"

    def serve(self) -> None:
        """Until `close`."""
        self._http.serve_forever(poll_interval=0.2)

    def close(self) -> None:
        """Stop."""
        self._http.shutdown()
        self._http.server_close()

    def __enter__(self) -> Self:
        """Nothing more to do."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give the port back."""
        self._http.server_close()


class _Handler(BaseHTTPRequestHandler):
    desk: Desk
    key: str

    def do_GET(self) -> None:
        """The page, its facts, a face."""
        path = self._admitted()
        if path == "/":
            page = files("omote_models.datasets").joinpath("labelling.html").read_bytes()
            self._answer(HTTPStatus.OK, page, "text/html; charset=utf-8")
        elif path == "/facts":
            self._say(HTTPStatus.OK, self.desk.facts())
        elif path is not None and path.startswith("/face/"):
            self._face(path.removeprefix("/face/"))
        elif path is not None:
            self._say(HTTPStatus.NOT_FOUND, {"error": "there is no such page"})

    def do_POST(self) -> None:
        """A label."""
        path = self._admitted()
        if path is None:
            return
        length = int(self.headers.get("Content-Length") or 0)
        if path != "/label" or not 0 < length <= _MOST_BYTES:
            self._say(HTTPStatus.NOT_FOUND, {"error": "only labels are taken here"})
            return
        try:
            label = Label.model_validate_json(self.rfile.read(length))
            self._say(HTTPStatus.OK, self.desk.label(label))
        except IndexError:
            self._say(HTTPStatus.BAD_REQUEST, {"error": "there is no such face"})
        except ValueError as error:
            self._say(HTTPStatus.BAD_REQUEST, {"error": str(error)})

    def _face(self, number: str) -> None:
        try:
            entry = self.desk.entry(int(number))
            data = (self.desk.folder / entry.file).read_bytes()
        except (ValueError, IndexError, OSError):
            self._say(HTTPStatus.NOT_FOUND, {"error": "there is no such face"})
            return
        self._answer(HTTPStatus.OK, data, "image/jpeg")

    def _admitted(self) -> str | None:
        """The path, None where somebody else asks."""
        url = urlsplit(self.path)
        host = self.headers.get("Host", "").rsplit(":", 1)[0]
        given = self.headers.get("X-Key") or "".join(parse_qs(url.query).get("key", []))
        if host not in _LOOPBACK or not secrets.compare_digest(given.encode(), self.key.encode()):
            self._say(HTTPStatus.FORBIDDEN, {"error": "open the address that omote printed"})
            return None
        return url.path

    def _say(self, status: HTTPStatus, value: dict[str, Any]) -> None:
        self._answer(status, json.dumps(value).encode(), "application/json")

    def _answer(self, status: HTTPStatus, data: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header(
            "Content-Security-Policy",
            "default-src 'self'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
            "frame-ancestors 'none'",
        )
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Nothing: paths tell which faces somebody looked at."""
