"""The products of the demo's catalogue, each drawn in the colours that it is sold in."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

from nungil.demo.drawing import Colour, Scene, ball_light, flat_light, round_light

COLOURS: dict[str, tuple[Colour, str]] = {
    "white": ((236, 234, 228), "하얀"),
    "red": ((188, 52, 44), "빨간"),
    "blue": ((52, 88, 160), "파란"),
    "green": ((70, 130, 82), "초록"),
    "yellow": ((226, 180, 58), "노란"),
    "black": ((48, 46, 50), "검은"),
}
_TABLES: tuple[Colour, ...] = ((214, 198, 176), (206, 206, 210), (150, 108, 76), (188, 196, 190))
_COFFEE: Colour = (74, 42, 24)
_METAL: Colour = (150, 150, 156)
_WOOD: Colour = (146, 100, 62)


def _darker(colour: Colour, share: float) -> Colour:
    red, green, blue = (round(part * share) for part in colour)
    return red, green, blue


def draw_cup(scene: Scene, colour: Colour) -> None:
    """A cup of coffee on its saucer, from above."""
    scene.shadow(0.54, 0.68, 0.86, 0.44)
    scene.ellipse(0.5, 0.62, 0.86, 0.5, colour, flat_light)
    scene.ellipse(0.5, 0.62, 0.5, 0.27, _darker(colour, 0.86), flat_light)
    scene.ring(0.78, 0.46, 0.24, 0.2, 0.045, _darker(colour, 0.93))
    scene.polygon(
        ((0.23, 0.36), (0.77, 0.36), (0.72, 0.56), (0.62, 0.7), (0.38, 0.7), (0.28, 0.56)), colour, round_light
    )
    scene.ellipse(0.5, 0.36, 0.54, 0.3, colour, flat_light)
    scene.ellipse(0.5, 0.37, 0.47, 0.25, _COFFEE, ball_light)
    scene.ellipse(0.47, 0.36, 0.26, 0.11, (150, 104, 66), ball_light)


def draw_mug(scene: Scene, colour: Colour) -> None:
    """A straight mug with a handle, from the side."""
    scene.shadow(0.5, 0.84, 0.6, 0.12)
    scene.ring(0.71, 0.52, 0.3, 0.36, 0.055, _darker(colour, 0.94))
    scene.rounded(0.24, 0.22, 0.7, 0.86, 0.06, colour)
    scene.ellipse(0.47, 0.23, 0.46, 0.11, _darker(colour, 0.72), flat_light)


def draw_plate(scene: Scene, colour: Colour) -> None:
    """A round plate, from above."""
    scene.shadow(0.53, 0.54, 0.86, 0.84)
    scene.ellipse(0.5, 0.5, 0.86, 0.84, colour, ball_light)
    scene.ellipse(0.5, 0.5, 0.6, 0.58, _darker(colour, 0.9), flat_light)
    scene.ellipse(0.5, 0.5, 0.56, 0.54, colour, flat_light)


def draw_ball(scene: Scene, colour: Colour) -> None:
    """A ball with two stripes."""
    scene.shadow(0.54, 0.86, 0.56, 0.12)
    scene.ellipse(0.5, 0.52, 0.7, 0.7, colour, ball_light)
    for tilt in (-0.1, 0.1):
        arc = [(0.17 + 0.66 * t / 40, 0.52 + tilt + 0.09 * math.sin(math.pi * t / 40)) for t in range(41)]
        scene.line(arc, 0.02, (244, 240, 232))


def draw_lamp(scene: Scene, colour: Colour) -> None:
    """A table lamp with a shade."""
    scene.shadow(0.5, 0.9, 0.4, 0.08)
    scene.ellipse(0.5, 0.88, 0.3, 0.07, _METAL, round_light)
    scene.polygon(((0.48, 0.45), (0.52, 0.45), (0.52, 0.88), (0.48, 0.88)), _METAL, round_light)
    scene.polygon(((0.36, 0.14), (0.64, 0.14), (0.8, 0.52), (0.2, 0.52)), colour, round_light)
    scene.ellipse(0.5, 0.52, 0.6, 0.07, (255, 240, 196), flat_light)


def draw_cushion(scene: Scene, colour: Colour) -> None:
    """A square cushion with a woven pattern."""
    scene.shadow(0.52, 0.86, 0.8, 0.16)
    scene.rounded(0.12, 0.16, 0.88, 0.86, 0.14, colour)
    for step in range(1, 10):
        at = 0.14 + 0.072 * step
        scene.line(((at, 0.2), (at, 0.82)), 0.006, _darker(colour, 0.84))
        scene.line(((0.16, at + 0.01), (0.84, at + 0.01)), 0.006, _darker(colour, 0.9))


def draw_vase(scene: Scene, colour: Colour) -> None:
    """A vase with a twig in it."""
    scene.line(((0.5, 0.36), (0.46, 0.2), (0.52, 0.06)), 0.012, _WOOD)
    for x, y in ((0.44, 0.2), (0.53, 0.14), (0.48, 0.09), (0.55, 0.06), (0.42, 0.27)):
        scene.ellipse(x, y, 0.09, 0.05, (86, 128, 74), ball_light)
    scene.shadow(0.52, 0.9, 0.4, 0.1)
    side = [
        (0.5 + (0.1 + 0.14 * math.sin(math.pi * t**0.8)) * 1.0, 0.34 + 0.55 * t) for t in (i / 30 for i in range(31))
    ]
    scene.polygon([*side, *((1 - x, y) for x, y in reversed(side))], colour, round_light)
    scene.ellipse(0.5, 0.34, 0.2, 0.05, _darker(colour, 0.6), flat_light)


def draw_clock(scene: Scene, colour: Colour) -> None:
    """A wall clock at ten past ten."""
    scene.shadow(0.53, 0.54, 0.82, 0.8)
    scene.ellipse(0.5, 0.5, 0.8, 0.8, colour, ball_light)
    scene.ellipse(0.5, 0.5, 0.68, 0.68, (248, 246, 240), flat_light)
    for hour in range(12):
        angle = math.tau * hour / 12
        inner, outer = (0.27, 0.31) if hour % 3 else (0.25, 0.31)
        ends = [(0.5 + r * math.sin(angle), 0.5 - r * math.cos(angle)) for r in (inner, outer)]
        scene.line(ends, 0.014, (40, 40, 44))
    for angle, length, thick in ((math.radians(305), 0.17, 0.024), (math.radians(60), 0.25, 0.016)):
        scene.line(((0.5, 0.5), (0.5 + length * math.sin(angle), 0.5 - length * math.cos(angle))), thick, (40, 40, 44))


@dataclass(frozen=True)
class Kind:
    """A kind of product. price_won: of the plainest one. word_ko follows the colour."""

    id: str
    word_en: str
    word_ko: str
    category: str
    brand: str
    price_won: int
    draw: Callable[[Scene, Colour], None]


KINDS: tuple[Kind, ...] = (
    Kind("cup", "coffee cup with saucer", "커피잔과 받침", "kitchen/cup", "Onggi", 14900, draw_cup),
    Kind("mug", "mug", "머그", "kitchen/cup", "Onggi", 9900, draw_mug),
    Kind("plate", "plate", "접시", "kitchen/plate", "Onggi", 12900, draw_plate),
    Kind("ball", "ball", "공", "sport/ball", "Tongtong", 19900, draw_ball),
    Kind("lamp", "table lamp", "탁상 조명", "home/lamp", "Dalbit", 49000, draw_lamp),
    Kind("cushion", "cushion", "쿠션", "home/textile", "Sombi", 24900, draw_cushion),
    Kind("vase", "vase", "꽃병", "home/decoration", "Onggi", 34900, draw_vase),
    Kind("clock", "wall clock", "벽시계", "home/clock", "Dalbit", 39900, draw_clock),
)
SOLD_IN: tuple[str, ...] = ("white", "red", "blue", "green", "yellow")


def picture_of(kind: Kind, colour: str) -> Image.Image:
    """The product on a table, 400 x 400."""
    table = _TABLES[(KINDS.index(kind) + SOLD_IN.index(colour)) % len(_TABLES)]
    scene = Scene(table)
    kind.draw(scene, COLOURS[colour][0])
    return scene.picture()
