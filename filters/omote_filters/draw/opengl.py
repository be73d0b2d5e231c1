"""Solids drawn by OpenGL 3.3, in software or on a GPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from omote_filters.draw.crop import Crop
from omote_filters.draw.head import HeadFrame
from omote_filters.draw.light import Light
from omote_filters.draw.solid import Material, Solid, ball
from omote_filters.draw.surface import Rgba
from omote_filters.rect import Rect
from omote_models.face import FloatArray

_SAMPLES = 4
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


class OpenGl:
    """A context and what it draws with, of the thread that made it and of no other."""

    def __init__(self) -> None:
        # An extra: only who draws in 3D needs it.
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
