"""The face mesh in a runtime of our own, on MediaPipe's weights, equal to it and twice as fast.

`opening` says what runs; `following` goes from frame to frame; `runtime` holds the networks;
`kernel/` is the C that does the work, `build` compiles it, `reference` is what it is held against.
"""
