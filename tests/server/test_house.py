"""What the house promises of itself."""

from __future__ import annotations

import subprocess
import sys


def test_the_vocabularies_weigh_nothing() -> None:
    """`messages` says that it is free of machinery: importing it loads none."""
    script = (
        "import sys, omote_server.messages, omote_server.errors\n"
        "heavy = set('cv2 skia onnxruntime mediapipe yaml pydantic grpc google'.split())\n"
        "print(sorted(heavy & {name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
