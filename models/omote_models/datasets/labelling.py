"""A small web page on this machine to label faces by keyboard."""

from __future__ import annotations

import json
import secrets
from collections import Counter
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from threading import Lock
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from pydantic import BaseModel, ConfigDict, Field

from omote_models.datasets.manifest import (
    OLDEST,
    Entry,
    Manifest,
    hold,
    read_manifest,
    write_manifest,
)
from omote_models.face import Gender

Suggest = Callable[[Path], dict[str, object]]
"""What the models say of a face, shown only after it was labelled. Any thread may call it."""

_MOST_BYTES = 10_000
_LOOPBACK = ("127.0.0.1", "localhost")


class Label(BaseModel):
    """What a labeller said of one face.

    Attributes:
        number: of the face.
        version: of the face's label as the labeller saw it: 0, and one more with every save.
    """

    model_config = ConfigDict(extra="forbid")

    number: int = Field(ge=0)
    version: int = Field(ge=0)
    age: float | None = Field(None, ge=0, le=OLDEST, allow_inf_nan=False)
    gender: Gender | None = None
    group: str | None = Field(None, max_length=60)
    skip: bool = False

    def applied(self, entry: Entry, labelled: str) -> Entry:
        """That face with this label."""
        return entry.model_copy(
            update={
                "age": None if self.skip else self.age,
                "gender": None if self.skip else self.gender,
                "group": None if self.skip else self.group or None,
                "labelled": "" if self.skip else labelled,
                "skipped": self.skip,
            }
        )


class StaleLabel(ValueError):
    """A label for a face that was labelled otherwise meanwhile; nothing was changed."""


class Desk:
    """The data set that is being labelled. Any thread may use it."""

    def __init__(self, folder: Path, date: str, suggest: Suggest, again: bool = False) -> None:
        """Open it; no other command may change it until `close`.

        Args:
            folder: of the data set.
            date: of today, for its history.
            suggest: see `Suggest`.
            again: whether faces that are labelled come up too, to be reviewed.

        Raises:
            ManifestProblem: it is no data set, or another command is changing it.
        """
        self.folder = folder
        self._hold = hold(folder)
        self._manifest: Manifest = read_manifest(folder)
        self._date = date
        self._suggest = suggest
        self._lock = Lock()
        self._versions: Counter[int] = Counter()
        entries = enumerate(self._manifest.samples)
        self.queue = [n for n, e in entries if again or not (e.has_label or e.skipped)]

    def close(self) -> None:
        """Let other commands change the data set."""
        self._hold.release()

    def __enter__(self) -> Self:
        """Nothing more to do."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let other commands change the data set."""
        self.close()

    def entry(self, number: int) -> Entry:
        """One face.

        Raises:
            IndexError: there is none of that number.
        """
        if number < 0:
            raise IndexError(number)
        return self._manifest.samples[number]

    def label(self, label: Label) -> int:
        """Take a label and write it to disk; the same one again changes nothing.

        Returns:
            The version that the face's label has now.

        Raises:
            IndexError: there is no such face.
            StaleLabel: it has another label than the one that the labeller saw.
            ValueError: the label says neither an age nor a gender.
            OSError: it cannot be written; the face keeps the label that it had.
        """
        if not label.skip and label.age is None and label.gender is None:
            raise ValueError("give an age or a gender, or skip")
        with self._lock:
            entry = self.entry(label.number)
            wanted = label.applied(entry, f"by hand, {self._date}")
            version = self._versions[label.number]
            if label.version < version and wanted == entry:
                return version  # a save whose answer was lost comes again: it is done already
            if label.version != version:
                raise StaleLabel("this face was labelled otherwise meanwhile; look at it again")
            self._write(label.number, wanted)
            self._versions[label.number] += 1
            return version + 1

    def _write(self, number: int, entry: Entry) -> None:
        """Memory follows the disk: what could not be written is not held to be saved."""
        manifest = self._manifest.model_copy(
            update={
                "samples": [*self._manifest.samples],
                "history": [*self._manifest.history],
            }
        )
        manifest.samples[number] = entry
        if not self._versions:
            manifest.changed(self._date, "labelled by hand")
        write_manifest(self.folder, manifest)
        self._manifest = manifest

    def suggestion(self, number: int) -> dict[str, object]:
        """What the models say of a face that was labelled just now; of any other nothing.

        Raises:
            IndexError: there is no such face.
        """
        entry = self.entry(number)
        said = self._versions[number] and entry.has_label
        return self._suggest(self.folder / entry.file) if said else {}

    def face(self, number: int) -> dict[str, object]:
        """A face's label and its version, as the page shows it.

        Raises:
            IndexError: there is no such face.
        """
        with self._lock:
            entry, version = self.entry(number), self._versions[number]
        return {
            "number": number,
            "version": version,
            "age": entry.age,
            "gender": entry.gender,
            "group": entry.group,
            "skipped": entry.skipped,
        }

    def facts(self) -> dict[str, object]:
        """What the page begins with: no suggestion is among it."""
        return {"name": self._manifest.name, "faces": [self.face(n) for n in self.queue]}


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
        elif path is not None and path.startswith("/said/"):
            self._said(path.removeprefix("/said/"))
        elif path is not None:
            self._say(HTTPStatus.NOT_FOUND, {"error": "there is no such page"})

    def do_POST(self) -> None:
        """A label."""
        path = self._admitted()
        if path is None:
            return
        length = self.headers.get("Content-Length") or ""
        if path != "/label" or not length.isdecimal() or not 0 < int(length) <= _MOST_BYTES:
            self._say(HTTPStatus.NOT_FOUND, {"error": "only labels are taken here"})
            return
        self._label(self.rfile.read(int(length)))

    def _label(self, data: bytes) -> None:
        try:
            label = Label.model_validate_json(data)
            self._say(HTTPStatus.OK, {"version": self.desk.label(label)})
        except IndexError:
            self._say(HTTPStatus.BAD_REQUEST, {"error": "there is no such face"})
        except StaleLabel as error:
            now = self.desk.face(label.number)
            self._say(HTTPStatus.CONFLICT, {"error": str(error), "face": now})
        except ValueError as error:
            self._say(HTTPStatus.BAD_REQUEST, {"error": str(error)})
        except OSError:
            full = "it could not be written: is the disk full, or the folder gone?"
            self._say(HTTPStatus.INSUFFICIENT_STORAGE, {"error": full})

    def _said(self, number: str) -> None:
        try:
            self._say(HTTPStatus.OK, self.desk.suggestion(int(number)))
        except (ValueError, IndexError):
            self._say(HTTPStatus.NOT_FOUND, {"error": "there is no such face"})

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
