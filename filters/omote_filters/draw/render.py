"""Draws solids on a head by OpenGL, in software or on a GPU: with depth, light and a shadow.

OpenGL contexts belong to one thread. All of a process's 3D drawing is done by one thread of its
own, which every filter's renderer shares; a frame waits for it a few milliseconds.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
from threading import Lock
from typing import Any, TypeVar

import cv2
import numpy as np

from omote_filters.draw.blend import over
from omote_filters.draw.crop import Crop
from omote_filters.draw.head import HeadFrame
from omote_filters.draw.masks import filled, soften
from omote_filters.draw.solid import Material, Solid, ball, smooth_normals
from omote_filters.draw.surface import Rgba
from omote_filters.rect import Rect
from omote_filters.scene import Scene
from omote_models.extras import lament
from omote_models.face import Box, Face, FloatArray
from omote_models.landmarks import FACE_OVAL
from omote_models.mesh import canonical_mesh

Result = TypeVar("Result")

FINEST = 320
_SAMPLES = 4
_SKULL = ((0.0, 2.6, -2.9), (7.3, 10.4, 8.6))
"""Middle and half axes of the ellipsoid that stands for the head behind the face, cm."""
_SHADOW, _SHADOW_REACH = 0.34, 0.06
_COARSE = 128
_DEEPEST_CM = 60.0

_VERTEX = """
#version 330
uniform vec2 middle; uniform vec2 half_size; uniform float depth;
in vec3 place; in vec3 normal; in vec2 uv;
out vec3 facing; out vec2 texel;
void main() {
    facing = normal;
    texel = uv;
    vec2 at = (place.xy - middle) / half_size;
    gl_Position = vec4(at.x, at.y, place.z / depth, 1.0);
}
"""
_DEPTH_VERTEX = """
#version 330
uniform vec2 middle; uniform vec2 half_size; uniform float depth;
in vec3 place;
void main() {
    gl_Position = vec4((place.xy - middle) / half_size, place.z / depth, 1.0);
}
"""
_FRAGMENT = """
#version 330
uniform vec3 colour; uniform float alpha; uniform float metal; uniform float rough;
uniform vec3 glow; uniform vec3 key; uniform vec3 lit; uniform float key_share;
uniform sampler2D art; uniform bool textured;
in vec3 facing; in vec2 texel;
out vec4 seen;
vec3 sky(vec3 way, float blur) {
    // A room: bright above, a window to the side of the key light, a dim floor.
    float up = smoothstep(-0.9 - blur, 0.9 + blur, -way.y);
    vec3 room = mix(vec3(0.16, 0.15, 0.15), vec3(1.0, 1.03, 1.08), up);
    float window = smoothstep(0.86 - 0.75 * blur, 0.99 - 0.2 * blur, dot(way, key));
    return room + window * mix(2.6, 0.5, blur);
}
void main() {
    vec3 n = normalize(facing);
    if (!gl_FrontFacing) n = -n;
    vec4 base = vec4(colour, alpha);
    if (textured) { vec4 t = texture(art, texel); base *= vec4(pow(t.rgb, vec3(2.2)), t.a); }
    float toward = max(dot(n, key), 0.0);
    float around = 0.5 - 0.5 * n.y;
    float ambient = mix(0.38, 0.9, around);
    float light = mix(ambient, 1.55 * toward + 0.35 * ambient, key_share);
    // The viewer looks along +z; the surface's z towards it is negative.
    vec3 eye = vec3(0.0, 0.0, -1.0);
    vec3 mirrored = reflect(-eye, n);
    float rim = pow(1.0 - max(dot(n, eye), 0.0), 5.0);
    vec3 shine = mix(vec3(0.04), base.rgb, metal);
    shine += (max(vec3(1.0 - rough), shine) - shine) * rim;
    vec3 flat_part = base.rgb * (1.0 - metal) * light;
    vec3 half_way = normalize(key + eye);
    float sharp = mix(220.0, 6.0, sqrt(rough));
    float spot = pow(max(dot(n, half_way), 0.0), sharp) * mix(1.4, 0.12, rough) * key_share;
    vec3 shiny_part = shine * (sky(mirrored, rough) * mix(1.0, 0.45, rough) + spot * 3.0);
    vec3 total = (flat_part + shiny_part) * lit + glow;
    // A soft shoulder: highlights do not burn out.
    total = total / (1.0 + 0.22 * max(total - 0.6, 0.0));
    seen = vec4(pow(clamp(total, 0.0, 1.0), vec3(1.0 / 2.2)) * base.a, base.a);
}
"""
_DEPTH_ONLY = """
#version 330
out vec4 seen;
void main() { seen = vec4(0.0); }
"""


class NoOpenGL(RuntimeError):
    """3D cannot be drawn on this machine. The text says what to install."""


@dataclass(frozen=True, slots=True, eq=False)
class Light:
    """Where the light on a face comes from.

    Attributes:
        key: a unit vector towards the key light, (3,) float32: x right, y down, z away.
        share: how much of the light is the key's, 0 (even) to 1.
        level: linear red, green and blue, about 1 in good light, (3,) float32.
    """

    key: FloatArray
    share: float
    level: FloatArray

    @classmethod
    def on(cls, scene: Scene, face: Face) -> Light:
        """Estimated from how bright the face's skin is where it faces which way.

        A Lambertian model, brightness = a + b · normal, fitted by least squares over the
        landmarks of cheeks and forehead.
        """
        points = face.landmarks[list(_SKIN_SPOTS)]
        columns = np.clip(points[:, 0], 0, scene.width - 1).astype(int)
        rows = np.clip(points[:, 1], 0, scene.height - 1).astype(int)
        colours = scene.picture[rows, columns].astype(np.float32) / 255
        linear = colours**2.2
        bright = linear.mean(axis=1)
        normals = _vertex_normals(face.landmarks[: len(canonical_mesh().vertices)])
        system: FloatArray = np.ones((len(bright), 4), np.float32)
        system[:, 1:] = normals[list(_SKIN_SPOTS)]
        # Ridge: a face that shows little of its sides says little of where the light is.
        ridge = np.diag((1e-3, 0.8, 0.8, 0.8))
        fitted: FloatArray = np.linalg.solve(system.T @ system + ridge, system.T @ bright)
        lean = fitted[1:] / max(float(bright.mean()), 1e-3)
        strength = float(np.linalg.norm(lean))
        lean *= min(1.0, 0.6 / max(strength, 1e-6))
        # Where the face says nothing, the light comes from above and the viewer's side.
        key = lean * 2.0 + np.array((0.1, -0.5, -0.6))
        key[2] = min(key[2], -0.3)
        key /= max(float(np.linalg.norm(key)), 1e-6)
        mean = np.median(linear, axis=0)
        tint = mean / max(float(mean.mean()), 1e-4) / _SKIN_TINT
        tint = np.clip(tint / max(float(tint.mean()), 1e-4), 0.75, 1.3)
        level = float(np.clip((mean.mean() / 0.33) ** 0.8, 0.1, 1.2)) * (0.5 + 0.5 * tint)
        share = 0.45 + 0.4 * min(strength, 1.0)
        return cls(key.astype(np.float32), share, level.astype(np.float32))


class SolidPainter:
    """Draws solids on heads."""

    def __init__(self) -> None:
        """Prepare OpenGL.

        Raises:
            NoOpenGL: it cannot be had here.
        """
        _thread().context()

    def draw(
        self,
        scene: Scene,
        face: Face,
        head: HeadFrame,
        solids: Sequence[Solid],
        *,
        occluded: bool = True,
        shadow: bool = True,
    ) -> None:
        """Draw solids, in the head's centimetres (see `HeadFrame`), over the picture.

        Args:
            scene: where.
            face: drawable; its landmarks hide what is behind them.
            head: its frame.
            solids: what; a transparent one after those that it shows.
            occluded: whether the head hides what is behind it.
            shadow: whether a soft shadow falls on the face.
        """
        placed = [head.place(solid.points) for solid in solids]
        if not placed:
            return
        box = Box.around(np.concatenate(placed)).grown(*(0.03,) * 4)
        if shadow:
            reach = 5 * _SHADOW_REACH * face.width
            box = Box(box.x - reach, box.y, box.width + 2 * reach, box.height + reach)
        crop = Crop.of(scene, box, FINEST)
        if crop is None:
            return
        light = Light.on(scene, face)
        blockers = [_face_blocker(face), _skull_blocker(head)] if occluded else []
        parts = [
            (points, _turned(solid.normals, head), solid)
            for points, solid in zip(placed, solids, strict=True)
        ]
        unit = head.scale
        paint = _thread().run(lambda gl: gl.render(crop, unit, head, blockers, parts, light))
        view = scene.edit(crop.rect)
        if shadow:
            _shade(view, crop, face, paint, light)
        over(view, np.ascontiguousarray(crop.enlarged(paint)))


def lack() -> str:
    """What is missing for 3D on this machine; empty where nothing is. Asked once, then known."""
    try:
        _thread().context()
    except NoOpenGL as error:
        return str(error)
    return ""


def _turned(normals: FloatArray, head: HeadFrame) -> FloatArray:
    """Normals of the head in the picture's frame: x right, y down, z away."""
    return np.asarray(normals @ head.rotation.T * np.array((1, -1, -1), np.float32), np.float32)


_SKIN_SPOTS = (
    *(10, 151, 9, 67, 297, 104, 333, 69, 299, 108, 337, 50, 280, 205, 425, 117, 346, 123, 352),
    *(187, 411, 147, 376, 213, 433, 192, 416, 36, 266, 118, 347, 101, 330, 199, 200, 4, 5, 195),
)
_SKIN_TINT = np.array((1.32, 0.93, 0.75))


def _vertex_normals(landmarks: FloatArray) -> FloatArray:
    """Of the face's mesh, outwards, x right, y down, z away, (468, 3)."""
    return smooth_normals(landmarks, canonical_mesh().triangles)


def _face_blocker(face: Face) -> tuple[FloatArray, Any]:
    mesh = canonical_mesh()
    return face.landmarks[: len(mesh.vertices)], mesh.triangles


@lru_cache(maxsize=1)
def _skull() -> Solid:
    middle, axes = _SKULL
    shape = ball(1.0, Material())
    points = shape.points * np.array(axes, np.float32) + np.array(middle, np.float32)
    return Solid.of(points, shape.triangles, shape.material)


def _skull_blocker(head: HeadFrame) -> tuple[FloatArray, Any]:
    skull = _skull()
    return head.place(skull.points), skull.triangles


def _shade(view: Rgba, crop: Crop, face: Face, paint: Rgba, light: Light) -> None:
    """A soft shadow of what was drawn, on the face, away from the light."""
    # It is soft: a small copy of it is enough.
    longest = max(crop.size)
    coarse = replace(
        crop,
        width=max(1, crop.width * _COARSE // max(longest, _COARSE)),
        height=max(1, crop.height * _COARSE // max(longest, _COARSE)),
    )
    reach = _SHADOW_REACH * face.width * coarse.scale
    alpha = np.ascontiguousarray(paint[:, :, 3])
    alpha = np.asarray(cv2.resize(alpha, coarse.size, interpolation=cv2.INTER_AREA), np.uint8)
    away = -light.key[:2] * 2.2 * reach + np.array((0, 0.8 * reach), np.float32)
    shift = np.array(((1, 0, away[0]), (0, 1, away[1])), np.float32)
    cast = cv2.warpAffine(alpha, shift, coarse.size)
    cast = soften(np.asarray(cast, np.uint8), max(reach, 0.5))
    on = soften(filled(face, coarse, [FACE_OVAL], grow=-0.02), 0.02 * face.width * coarse.scale)
    shade = cv2.multiply(cast, on, scale=_SHADOW / 255)
    kept = coarse.enlarged(np.asarray(cv2.bitwise_not(np.asarray(shade, np.uint8)), np.uint8))
    cv2.multiply(view, cv2.merge((kept,) * 3), dst=view, scale=1 / 255)


class _Gl:
    """OpenGL, in the thread that it belongs to."""

    def __init__(self) -> None:
        import moderngl

        self._gl = moderngl
        how: Any = {"backend": "egl"}
        self.context = moderngl.create_standalone_context(require=330, **how)
        self._program = self.context.program(_VERTEX, _FRAGMENT)
        # What hides is drawn with less work: only its depth counts.
        self._blocker = self.context.program(_DEPTH_VERTEX, _DEPTH_ONLY)
        self._size = (0, 0)
        self._many: Any = None
        self._one: Any = None
        self._attached: tuple[Any, ...] = ()
        self._textures: dict[int, tuple[Any, Any]] = {}

    def warm(self) -> None:
        """Draw something once: a driver compiles its shaders with the first picture."""
        small = ball(4.0, Material((1.0, 1.0, 1.0)), 8)
        head = HeadFrame(1.0, np.eye(3, dtype=np.float32), np.zeros(3, np.float32))
        light = Light(np.array((0, 0, -1), np.float32), 0.5, np.ones(3, np.float32))
        crop = Crop(Rect(0, 0, 32, 32), 32, 32)
        blockers = [(small.points, small.triangles)]
        parts = [(small.points, small.normals, small)]
        self.render(crop, 1.0, head, blockers, parts, light)

    def render(
        self,
        crop: Crop,
        unit: float,
        head: HeadFrame,
        blockers: Sequence[tuple[FloatArray, Any]],
        parts: Sequence[tuple[FloatArray, FloatArray, Solid]],
        light: Light,
    ) -> Rgba:
        """(height, width, 4) uint8 RGBA, multiplied by its alpha."""
        gl, context = self._gl, self.context
        self._sized(*crop.size)
        self._many.color_mask = (True,) * 4
        self._many.use()
        context.clear(0, 0, 0, 0, depth=1.0)
        context.enable(gl.DEPTH_TEST | gl.BLEND)
        context.blend_func = (gl.ONE, gl.ONE_MINUS_SRC_ALPHA)
        program = self._program
        rect = crop.rect
        for each in (program, self._blocker):
            each["middle"] = ((rect.left + rect.right) / 2, (rect.top + rect.bottom) / 2)
            each["half_size"] = (rect.width / 2, rect.height / 2)
            each["depth"] = _DEEPEST_CM * unit
        program["key"] = tuple(light.key.tolist())
        program["lit"] = tuple(light.level.tolist())
        program["key_share"] = light.share
        # Depth counts from the head's middle, so that it is precise.
        behind = np.array((0, 0, head.origin[2]), np.float32)
        self._many.color_mask = (False,) * 4
        self._many.use()
        for points, triangles in blockers:
            self._mesh(self._blocker, ("place",), (points - behind,), triangles)
        self._many.color_mask = (True,) * 4
        self._many.use()
        for points, normals, solid in parts:
            self._surface(solid.material)
            rows = (points - behind, normals, solid.uv)
            self._mesh(program, ("place", "normal", "uv"), rows, solid.triangles)
        context.copy_framebuffer(self._one, self._many)
        data = self._one.read(components=4, alignment=1)
        # Rows run from the bottom up; here y grows downwards in clip space too.
        return np.frombuffer(data, np.uint8).reshape(crop.height, crop.width, 4).copy()

    def _sized(self, width: int, height: int) -> None:
        if self._size == (width, height):
            return
        if self._size != (0, 0):
            for made in (self._many, self._one, *self._attached):
                made.release()
        context = self.context
        samples = min(_SAMPLES, context.max_samples)
        colours = context.renderbuffer((width, height), 4, samples=samples)
        depths = context.depth_renderbuffer((width, height), samples=samples)
        flat = context.renderbuffer((width, height), 4)
        self._many = context.framebuffer([colours], depths)
        self._one = context.framebuffer([flat])
        self._attached = (colours, depths, flat)
        self._size = (width, height)

    def _surface(self, material: Material) -> None:
        gl, context, program = self._gl, self.context, self._program
        program["colour"] = material.colour
        program["alpha"] = material.alpha
        program["metal"] = material.metal
        program["rough"] = max(material.rough, 0.03)
        program["glow"] = material.glow
        program["textured"] = material.texture is not None
        if material.texture is not None:
            self._texture(material.texture).use(0)
        # In a picture whose y grows downwards the front runs clockwise.
        context.front_face = "cw"
        if material.both_sides:
            context.disable(gl.CULL_FACE)
        else:
            context.enable(gl.CULL_FACE)

    def _texture(self, art: Rgba) -> Any:
        known = self._textures.get(id(art))
        if known is None:
            if len(self._textures) >= 32:
                for _, made in self._textures.values():
                    made.release()
                self._textures.clear()
            texture = self.context.texture(art.shape[1::-1], 4, np.ascontiguousarray(art).tobytes())
            texture.build_mipmaps()
            known = self._textures[id(art)] = (art, texture)
        return known[1]

    def _mesh(
        self, program: Any, names: Sequence[str], columns: Sequence[FloatArray], triangles: Any
    ) -> None:
        rows = np.hstack(columns).astype(np.float32)
        vertices = self.context.buffer(rows.tobytes())
        indices = self.context.buffer(np.ascontiguousarray(triangles, np.int32).tobytes())
        layout = " ".join(f"{column.shape[1]}f" for column in columns)
        array = self.context.vertex_array(program, [(vertices, layout, *names)], indices)
        array.render()
        for made in (array, vertices, indices):
            made.release()


class _Thread:
    """The one thread that draws; it starts with its first job."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="omote-gl")
        self._gl: _Gl | None = None
        self._why = ""
        self._lock = Lock()

    def context(self) -> None:
        """Make the context where there is none yet.

        Raises:
            NoOpenGL: it cannot be had here.
        """
        with self._lock:
            if self._gl is None and not self._why:
                self._pool.submit(self._make).result()
        if self._why:
            raise NoOpenGL(self._why)

    def run(self, job: Callable[[_Gl], Result]) -> Result:
        """Do a job in the thread and wait for it."""
        self.context()
        return self._pool.submit(lambda: job(self._gl)).result()  # type: ignore[arg-type]

    def _make(self) -> None:
        # Nothing is left on a disk, not even compiled shaders.
        os.environ.setdefault("MESA_SHADER_CACHE_DISABLE", "true")
        try:
            made = _Gl()
            made.warm()
            self._gl = made
        except ModuleNotFoundError as error:
            self._why = lament(error.name)
        # Whatever a driver raises: without OpenGL everything else still works.
        except Exception as error:
            self._why = (
                "3D needs OpenGL 3.3 by EGL, which this machine does not offer "
                f"({type(error).__name__}: {str(error)[:120]}); on Debian install libegl1, "
                "libegl-mesa0 and libgl1-mesa-dri for drawing in software"
            )


@lru_cache(maxsize=1)
def _thread() -> _Thread:
    return _Thread()
