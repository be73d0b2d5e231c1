"""Makes docs/pictures/tools: what each drawing tool does, on the public-domain portrait."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np

from omote_filters.draw import masks
from omote_filters.draw.blend import Blend, blend, mix
from omote_filters.draw.crop import Crop
from omote_filters.registry import Registry
from omote_filters.scene import Picture
from omote_filters.words import ChainEntry
from omote_server.workshop.rehearsal import Take, looked_at, perform, performed, portrait, scene_of

PICTURES = Path(__file__).parent / "pictures" / "tools"
TILE = 190
HEAD = (slice(0, 390), slice(100, 490))
REGIONS = ("skin", "lips", "eyes", "brows", "under_eyes", "cheeks", "mouth_opening", "oval")

Tiles = list[tuple[str, Picture]]


def main() -> None:
    """Draw every picture."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    take = looked_at([portrait()] * 3)[-1].acted("mouthSmileLeft", "mouthSmileRight", "jawOpen")
    for name, make in TOOLS.items():
        tiles = make(take)
        drawn = [_tile(caption, picture) for caption, picture in tiles]
        columns = 7 if len(drawn) > 8 else len(drawn)
        rows = [np.hstack(drawn[i : i + columns]) for i in range(0, len(drawn), columns)]
        sheet = cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR)
        cv2.imwrite(str(PICTURES / f"{name}.jpg"), sheet, [cv2.IMWRITE_JPEG_QUALITY, 84])


def _regions(take: Take) -> Tiles:
    tiles = []
    for name in REGIONS:
        scene = scene_of(take, 0)
        face = scene.faces[0]
        crop = Crop.of(scene, face.box.grown(0.2, 0.3, 0.2, 0.2))
        if crop is not None:
            mask = crop.enlarged(getattr(masks, name)(face, crop))
            view = scene.edit(crop.rect)
            mix(view, np.full_like(view, (255, 40, 90)), mask, 0.75)
        tiles.append((name, scene.picture))
    return tiles


def _blends(take: Take) -> Tiles:
    tiles = []
    for mode in Blend:
        scene = scene_of(take, 0)
        face = scene.faces[0]
        crop = Crop.of(scene, face.box)
        if crop is not None:
            mask = crop.enlarged(masks.skin(face, crop))
            blend(scene.edit(crop.rect), (40, 110, 220), mode, mask, 0.8)
        tiles.append((mode.value, scene.picture))
    return tiles


def _filters(*shown: tuple[str, str, Mapping[str, object]]) -> Callable[[Take], Tiles]:
    def tiles(take: Take) -> Tiles:
        return [
            (caption, _performed(filter_id, settings, [take] * 40))
            for caption, filter_id, settings in shown
        ]

    return tiles


def _performed(filter_id: str, settings: Mapping[str, object], takes: list[Take]) -> Picture:
    return performed([ChainEntry(filter_id, settings)], Registry(), takes).picture


def _grid(take: Take) -> Tiles:
    lined = take.pixels.copy()
    lined[::16], lined[:, ::16] = (40, 220, 255), (40, 220, 255)
    grid = Take(lined, take.faces)
    names = ("big_eyes", "big_mouth", "squeeze", "alien_head")
    return [(name, _performed(name, {}, [grid] * 20)) for name in names]


def _light(take: Take) -> Tiles:
    warm = np.clip(take.pixels * np.array((1.1, 0.8, 0.5)), 0, 255).astype(np.uint8)
    lights = (("as it is", take), ("dark", take.dimmed(0.4, 2)), ("warm", Take(warm, take.faces)))
    return [(name, _performed("hat", {"style": "party"}, [lit] * 9)) for name, lit in lights]


def _springs(take: Take) -> Tiles:
    entry = [ChainEntry("sticker", {"anchor": "forehead", "size": 7.0})]
    scenes = [scene.picture for scene in perform(entry, Registry(), _appearing(take))]
    return [(f"{1000 * n / 30:.0f} ms", scenes[n + 1]) for n in (0, 2, 4, 6, 9)]


def _appearing(take: Take) -> list[Take]:
    return [Take(take.pixels)] + [take] * 12


def _motion(take: Take) -> Tiles:
    shifted = []
    for number in range(12):
        matrix = np.array(((1, 0, (number - 11) * 24), (0, 1, 0)), np.float32)
        moved = cv2.warpAffine(take.pixels, matrix, (640, 480), borderMode=cv2.BORDER_REPLICATE)
        shifted.append(np.asarray(moved, np.uint8))
    takes = looked_at(shifted)
    return [
        (name, _performed("animal_ears", {"motion_blur": on}, takes))
        for name, on in (("off", False), ("motion_blur: true", True))
    ]


def _tile(caption: str, picture: Picture) -> Picture:
    small = cv2.resize(picture[HEAD], (TILE, TILE), interpolation=cv2.INTER_AREA)
    strip = np.full((24, TILE, 3), 255, np.uint8)
    cv2.putText(
        strip, caption, (4, 17), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (40, 40, 40), 1, cv2.LINE_AA
    )
    return np.asarray(np.vstack([small, strip]), np.uint8)


TOOLS: dict[str, Callable[[Take], Tiles]] = {
    "masks": _regions,
    "blend": _blends,
    "paint": _filters(
        ("light: 0", "face_paint", {"light": 0.0}),
        ("light: 0.85", "face_paint", {"light": 0.85}),
        ("in layers: blush", "blush", {"strength": 1.0}),
        ("in layers: freckles", "freckles", {"strength": 1.0}),
        ("along the lids", "eyeliner", {}),
        ("creases", "older", {}),
    ),
    "warp": _grid,
    "sheet": _filters(
        ("around the head", "crown", {}),
        ("on the nose", "glasses", {}),
        ("a sprite", "thought_bubble", {}),
        ("on the skin", "sticker", {"anchor": "forehead", "size": 5.0}),
    ),
    "light": _light,
    "solid": _filters(
        ("viking", "prop_3d", {}),
        ("headphones", "prop_3d", {"prop": "headphones"}),
        ("gold", "head_3d", {"material": "gold"}),
        ("robot", "head_3d", {"material": "robot"}),
    ),
    "particles": _filters(
        ("hearts", "hearts", {}), ("fire", "fire_breath", {}), ("rain", "rain_cloud", {})
    ),
    "matte": _filters(
        ("blur", "background_blur", {}), ("places", "background_replace", {"place": "beach"})
    ),
    "lut": _filters(
        *((look, "film_look", {"look": look}) for look in ("blockbuster", "noir", "faded_70s"))
    ),
    "springs": _springs,
    "motion": _motion,
}


if __name__ == "__main__":
    main()
