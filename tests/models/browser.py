"""A headless Chromium, driven over its DevTools pipe: real keys on a real page, no library."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any, Self

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
_PATIENCE_S = 60.0
_FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --no-first-run --mute-audio --no-proxy-server "
    "--disable-background-networking --disable-component-update --disable-sync "
    "--remote-debugging-pipe about:blank"
)
_KEYS = {"Enter": ("\r", 13), "Backspace": ("", 8)}


class Browser:
    """One page."""

    def __init__(self, profile: Path) -> None:
        """Start it; `CHROMIUM` must be there."""
        assert CHROMIUM is not None
        theirs, self._out = os.pipe()
        self._in, answers = os.pipe()
        # Chromium reads what it shall do from descriptor 3 and answers on 4.
        start = f'exec "$0" "$@" 3<&{theirs} 4>&{answers}'
        self._process = subprocess.Popen(
            ["bash", "-c", start, CHROMIUM, f"--user-data-dir={profile}", *_FLAGS.split()],
            pass_fds=(theirs, answers),
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs)
        os.close(answers)
        self._read = b""
        self._number = 0
        self._session: str | None = None
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        attached = self._ask("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]

    def open(self, address: str) -> None:
        """Go to a page."""
        self._ask("Page.navigate", url=address)
        self.wait("location.href !== 'about:blank' && document.readyState === 'complete'")

    def run(self, script: str) -> Any:
        """What an expression comes to on the page."""
        answer = self._ask("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait(self, script: str) -> None:
        """Until an expression holds."""
        end = time.monotonic() + _PATIENCE_S
        while not self.run(script):
            assert time.monotonic() < end, f"never came true: {script}"
            time.sleep(0.02)

    def press(self, *keys: str) -> None:
        """Press and release keys, as fast as the page takes them."""
        for key in keys:
            text, code = _KEYS.get(key, (key, ord(key[0].upper())))
            told = {"key": key, "windowsVirtualKeyCode": code, "text": text}
            self._ask("Input.dispatchKeyEvent", type="keyDown", **told)
            self._ask("Input.dispatchKeyEvent", type="keyUp", **told)

    def _ask(self, method: str, **parameters: object) -> dict[str, Any]:
        self._number += 1
        message: dict[str, object] = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            said = self._next()
            if said.get("id") == self._number:
                assert "error" not in said, said
                return dict(said["result"])

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._read:
            data = os.read(self._in, 65536)
            assert data, "the browser ended"
            self._read += data
        one, self._read = self._read.split(b"\0", 1)
        return dict(json.loads(one))

    def __enter__(self) -> Self:
        """Nothing more to do."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it; nothing of it is kept."""
        os.close(self._out)
        os.close(self._in)
        self._process.kill()
        self._process.wait()
