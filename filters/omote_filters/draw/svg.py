"""SVG by strangers: what is on a list is read and written anew; everything else is refused.

A renderer of SVG does whatever the text asks for. Three things keep a small text from asking for
a day's work: only elements and attributes that are listed here come through, numbers and copies
have bounds, and what is left is drawn by `draw.apart`, in a process that can be ended.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from xml.parsers import expat

MOST_BYTES = 512 * 1024
MOST_ELEMENTS = 4000
"""Shapes, groups and stops, those that a <use> shows again included."""
MOST_BLURRED = 32
"""Elements that are blurred, copies included: each costs a pass over the picture."""
_DEEPEST = 32
_LARGEST = 100_000.0
_LONGEST = 40
"""Of any number, in the picture's units, and how many characters it may have."""
_SIDES = (0.1, 20_000.0)
_MOST_ASPECT = 16.0
_FINEST_DASH = 1 / 256
_WIDEST_BLUR = 1 / 8
_WIDEST_REGION = 3.0
"""Parts of the longer side."""

_SVG, _XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"

_ID = r"[^\s\"'<>&()#]{1,80}"
# No two neighbours of these can match the same text: a failed match stays linear.
_REAL = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"
_PATTERNS = {
    "number": rf"{_REAL}(?:px|pt|pc|mm|cm|in|%)?",
    "numbers": r"[-+.,\deE\s]*|none",
    "path": r"[-+.,\deE\sMmLlHhVvCcSsQqTtAaZz]*",
    "transform": r"(?:[\s,]*(?:matrix|translate|scale|rotate|skewX|skewY)\s*\([-+.,\deE\s]*\))*",
    "paint": rf"#[\da-fA-F]{{3,8}}|[a-zA-Z]{{1,32}}|rgba?\([\d.,%\s]*\)|url\(#{_ID}\)",
    "word": r"[a-zA-Z-]{1,32}",
    "id": _ID,
    "link": rf"#{_ID}",
    "reference": rf"url\(#{_ID}\)|none",
}
_KINDS = {kind: re.compile(pattern) for kind, pattern in _PATTERNS.items()}
_NUMBER = re.compile(_REAL)
_WITH_NUMBERS = {"number", "numbers", "path", "transform"}

_STYLE = {
    **dict.fromkeys(("fill", "stroke", "stop-color", "color"), "paint"),
    **dict.fromkeys(("fill-opacity", "stroke-opacity", "stop-opacity", "opacity"), "number"),
    **dict.fromkeys(("stroke-width", "stroke-miterlimit", "stroke-dashoffset"), "number"),
    **dict.fromkeys(("fill-rule", "clip-rule", "stroke-linecap", "stroke-linejoin"), "word"),
    **dict.fromkeys(("display", "visibility"), "word"),
    **dict.fromkeys(("clip-path", "filter"), "reference"),
    "stroke-dasharray": "numbers",
}
"""Attributes of every element, which may stand in its `style` too."""
_BOX = dict.fromkeys(("x", "y", "width", "height"), "number")
_GRADIENT = {
    "gradientUnits": "word",
    "spreadMethod": "word",
    "gradientTransform": "transform",
    "href": "link",
}
_ELEMENTS: Mapping[str, dict[str, str]] = {
    "svg": {"viewBox": "numbers"},
    "g": {},
    "defs": {},
    "path": {"d": "path"},
    "rect": {**_BOX, "rx": "number", "ry": "number"},
    "circle": dict.fromkeys(("cx", "cy", "r"), "number"),
    "ellipse": dict.fromkeys(("cx", "cy", "rx", "ry"), "number"),
    "line": dict.fromkeys(("x1", "y1", "x2", "y2"), "number"),
    "polyline": {"points": "numbers"},
    "polygon": {"points": "numbers"},
    "linearGradient": {**_GRADIENT, **dict.fromkeys(("x1", "y1", "x2", "y2"), "number")},
    "radialGradient": {**_GRADIENT, **dict.fromkeys(("cx", "cy", "r", "fx", "fy"), "number")},
    "stop": {"offset": "number"},
    "clipPath": {"clipPathUnits": "word"},
    "use": {**_BOX, "href": "link"},
    "filter": {**_BOX, "filterUnits": "word"},
    "feGaussianBlur": {"stdDeviation": "numbers", "in": "word", "result": "id"},
}
_NOTES = ("title", "desc", "metadata")
"""Elements that nothing is drawn of: left out with all that they hold."""
_IDLE = re.compile(
    r"class|role|version|baseProfile|enable-background|lang|style-.*|aria-.*|data-.*|-.*|font.*|"
    r"text-.*|line-height|letter-spacing|word-spacing|writing-mode|white-space|direction|"
    r"dominant-baseline|baseline-shift|block-progression|shape-.*|inline-size|color-.*|"
    r"image-rendering|overflow|isolation|paint-order|vector-effect|solid-.*|marker|marker-.*"
)
"""Attributes that editors write and that change no shape: left out."""
_ROOT_IDLE = ("x", "y", "width", "height", "preserveAspectRatio")
_ADVICE = {
    "text": "turn text into paths",
    "style": "write fill and stroke as attributes of the shapes",
    "image": "trace it, or bring it as a PNG",
    "pattern": "draw the shapes themselves",
    "mask": "cut by a clipPath, or draw the shape itself",
    "symbol": "write a <g> in <defs> instead",
}


class SvgError(ValueError):
    """An SVG that cannot be taken; the text says what to change."""


@dataclass(frozen=True, slots=True)
class PlainSvg:
    """An SVG of which everything is known.

    Attributes:
        text: the picture, written anew, UTF-8.
        aspect: its width by its height.
    """

    text: bytes
    aspect: float


@dataclass(slots=True, eq=False)
class _Element:
    name: str
    attributes: dict[str, str]
    children: list[_Element] = field(default_factory=list)

    def all(self) -> Iterator[_Element]:
        """It and whatever it holds; never nested deeper than `_DEEPEST`."""
        yield self
        for child in self.children:
            yield from child.all()


def plain_svg(data: bytes) -> PlainSvg:
    """An SVG without anything but shapes, groups, gradients, clips, copies and blurs.

    Raises:
        SvgError: it is none, it is too large, or it holds something else.
    """
    if len(data) > MOST_BYTES:
        raise SvgError(f"it is larger than {MOST_BYTES // 1024} kB; simplify it")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SvgError("it is not UTF-8 text; save it as UTF-8") from None
    root = _Reader().read(text)
    width, height = _sides(root)
    longest = max(width, height)
    for element in root.all():
        _check_numbers(element, longest)
    _check_copies(root)
    return PlainSvg("".join(_written(root)).encode(), width / height)


class _Reader:
    """Text to elements. It stops at the first thing that is not allowed."""

    def __init__(self) -> None:
        self._open: list[_Element] = []
        self._root: _Element | None = None
        self._count = 0
        self._notes = 0
        """How deep inside notes it stands, which are not read."""

    def read(self, text: str) -> _Element:
        parser = expat.ParserCreate("utf-8", " ")
        parser.StartDoctypeDeclHandler = self._doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        try:
            parser.Parse(text, True)
        except expat.ExpatError as error:
            why = expat.ErrorString(error.code)
            raise SvgError(f"it is not an SVG picture: {why}, line {error.lineno}") from None
        if self._root is None:
            raise SvgError("it is not an SVG picture; its first element must be <svg>")
        return self._root

    def _doctype(self, *_: object) -> None:
        raise SvgError("an SVG must have no DOCTYPE or entities; export it as plain SVG")

    def _start(self, full: str, given: dict[str, str]) -> None:
        space, _, name = full.rpartition(" ")
        # What editors note in their own words, and titles, is left out with all that it holds.
        if self._notes or space not in ("", _SVG) or name in _NOTES:
            self._notes += 1
            return
        self._count += 1
        if self._count > MOST_ELEMENTS:
            raise SvgError(f"it has more than {MOST_ELEMENTS} elements; simplify it")
        if len(self._open) >= _DEEPEST:
            raise SvgError(f"its groups are nested deeper than {_DEEPEST}; ungroup some")
        if (name == "svg") != (not self._open):
            raise SvgError("its first element must be <svg>, and no other may be one")
        if name not in _ELEMENTS:
            advice = _ADVICE.get(name, "take it out")
            raise SvgError(f"an SVG must hold shapes only, no <{name[:40]}>: {advice}")
        element = _Element(name, _attributes(name, given))
        if self._open:
            self._open[-1].children.append(element)
        else:
            self._root = element
        self._open.append(element)

    def _end(self, _: str) -> None:
        if self._notes:
            self._notes -= 1
        else:
            self._open.pop()


def _attributes(element: str, given: Mapping[str, str]) -> dict[str, str]:
    """Those that are allowed, by their name without a namespace, a `style` taken apart."""
    kept: dict[str, str] = {}
    styled: dict[str, str] = {}
    for full, value in given.items():
        space, _, name = full.rpartition(" ")
        if space not in ("", _SVG, _XLINK) or (space == _XLINK and name != "href"):
            continue
        if name == "style":
            for declared in value.split(";"):
                key, _, told = declared.partition(":")
                styled[key.strip()] = told.strip()
        else:
            kept[name] = value.strip()
    styled.pop("", None)
    root_idle = _ROOT_IDLE if element == "svg" else ()
    # A style's word counts more than an attribute's, as in CSS.
    return {
        name: _value(element, name, value)
        for name, value in (kept | styled).items()
        if name not in root_idle and not (_IDLE.fullmatch(name) and name not in _STYLE)
    }


def _value(element: str, name: str, value: str) -> str:
    known = {"id": "id", "transform": "transform"} | _STYLE | _ELEMENTS[element]
    kind = known.get(name)
    if kind is None:
        raise SvgError(f"<{element}> must not have {name[:40]!r}; take it out")
    if not _KINDS[kind].fullmatch(value):
        raise SvgError(f"<{element} {name}>: {value[:40]!r} is not a {kind} that is read")
    if kind in _WITH_NUMBERS:
        for number in _NUMBER.findall(value):
            if len(number) > _LONGEST or abs(float(number)) > _LARGEST:
                raise SvgError(f"<{element} {name}>: {number[:20]} is beyond {_LARGEST:,.0f}")
    return value


def _numbers(element: _Element, name: str) -> list[float]:
    return [float(number) for number in _NUMBER.findall(element.attributes.get(name, ""))]


def _sides(root: _Element) -> tuple[float, float]:
    box = _numbers(root, "viewBox")
    if len(box) != 4 or not all(_SIDES[0] <= side <= _SIDES[1] for side in box[2:]):
        raise SvgError(
            f'the <svg> needs viewBox="0 0 WIDTH HEIGHT", each from {_SIDES[0]:g} to {_SIDES[1]:,g}'
        )
    if not 1 / _MOST_ASPECT <= box[2] / box[3] <= _MOST_ASPECT:
        raise SvgError(f"it must not be longer than {_MOST_ASPECT:g} times its width")
    return box[2], box[3]


def _check_numbers(element: _Element, longest: float) -> None:
    """Numbers whose work grows as they shrink or grow."""
    dashes = _numbers(element, "stroke-dasharray")
    if dashes and not (min(dashes) >= 0 and sum(dashes) >= _FINEST_DASH * longest):
        least = _FINEST_DASH * longest
        raise SvgError(f"stroke-dasharray: dash and gap must be at least {least:.3g} together")
    blurs = _numbers(element, "stdDeviation")
    if any(not 0 <= blur <= _WIDEST_BLUR * longest for blur in blurs):
        most = _WIDEST_BLUR * longest
        raise SvgError(f"stdDeviation: a blur must lie between 0 and {most:.3g}")
    if element.name == "filter":
        _check_region(element, longest)


def _check_region(element: _Element, longest: float) -> None:
    """How far around a shape its blur is computed."""
    in_units = element.attributes.get("filterUnits") == "userSpaceOnUse"
    for side in _BOX:
        unit = longest if in_units else 1.0
        if element.attributes.get(side, "").endswith("%"):
            unit = 100.0
        if any(abs(number) > _WIDEST_REGION * unit for number in _numbers(element, side)):
            raise SvgError(f"<filter {side}>: at most {100 * _WIDEST_REGION:g}%")


def _check_copies(root: _Element) -> None:
    """What is drawn, each <use> counted as what it shows: copies of copies grow without end."""
    named = {e.attributes["id"]: e for e in root.all() if "id" in e.attributes}
    drawn = blurred = 0
    for element in root.all():
        shown = [element]
        if element.name == "use":
            target = named.get(element.attributes.get("href", "#")[1:])
            shown += target.all() if target is not None else ()
            if any(inner.name == "use" for inner in shown[1:]):
                raise SvgError("a <use> must not show another <use>; copy the shapes instead")
        drawn += len(shown)
        blurred += sum("filter" in inner.attributes for inner in shown)
        if drawn > MOST_ELEMENTS:
            raise SvgError(f"with its copies it has more than {MOST_ELEMENTS} elements")
    if blurred > MOST_BLURRED:
        raise SvgError(f"more than {MOST_BLURRED} elements are blurred; blur a group of them")


def _written(element: _Element) -> Iterator[str]:
    """The text again. Values hold no character that XML would want escaped, see `_PATTERNS`."""
    yield f"<{element.name}"
    if element.name == "svg":
        yield f' xmlns="{_SVG}" xmlns:xlink="{_XLINK}"'
    for name, value in element.attributes.items():
        yield f' {"xlink:href" if name == "href" else name}="{value}"'
    yield ">"
    for child in element.children:
        yield from _written(child)
    yield f"</{element.name}>"
