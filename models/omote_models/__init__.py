"""Everything in Omote that looks at a face: weights, landmarks, tracks, age, gender."""

import os

# ONNX Runtime's own wheels report usage to its vendor: a device id on disk, events over the
# network. Read when it is first imported; both names, since releases differ.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
os.environ["ORT_TELEMETRY_DISABLED"] = "1"

# OpenCV tells of every picture and camera that it cannot open, beside what we tell of it. Read
# when it is first imported, too.
os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")
