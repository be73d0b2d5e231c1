"""What a filter may say goes over the wire; anything else is refused as it is said."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from omote_filters.scene import Scene
from omote_server.messages import Result
from omote_server.wire import responses

_ANYTHING = st.one_of(
    st.text(st.characters()),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.binary(),
    st.none(),
    st.lists(st.integers(), max_size=2),
)
_NAMES = st.text(st.characters(), max_size=70)


@given(name=_NAMES, payload=st.dictionaries(_NAMES, _ANYTHING, max_size=4))
def test_every_event_that_is_taken_can_be_sent(name: str, payload: dict[str, object]) -> None:
    scene = Scene(np.zeros((2, 2, 3), np.uint8))
    try:
        scene.emit(name, **payload)
    except (TypeError, ValueError):
        assert not scene.emitted
        return
    (sent,) = responses.events(Result(1, 1, events=scene.emitted))
    assert sent.SerializeToString()
    assert sent.name == name
    assert sent.payload.keys() == payload.keys()


def test_any_name_may_stand_in_a_payload() -> None:
    scene = Scene(np.zeros((2, 2, 3), np.uint8))
    scene.emit("goal", name="Ada", self=1)
    assert scene.emitted[0].payload == {"name": "Ada", "self": 1}
