"""The kinds of slices by name, and the drawing of one."""

from collections.abc import Callable
from types import MappingProxyType
from zlib import crc32

import numpy as np
from jaxtyping import UInt8

from acir.sources.phantom import abdomen, chest, head, kidneys, pelvis
from acir.sources.phantom.canvas import Canvas
from acir.sources.phantom.exposure import Window, expose
from acir.sources.phantom.smear import smear

Draw = Callable[[Canvas], None]
Pixels = UInt8[np.ndarray, "..."]

_BRAIN, _THORAX = Window(-12.0, 92.0, 5.0), Window(-800.0, 300.0, 28.0)
_SOFT, _PELVIC = Window(-190.0, 260.0, 16.0), Window(-190.0, 300.0, 15.0)
ELEVEN: MappingProxyType[str, tuple[Draw, Window]] = MappingProxyType(
    {
        "head": (head.head, _BRAIN),
        "head-haemorrhage": (head.haemorrhage, _BRAIN),
        "chest": (chest.chest, _THORAX),
        "chest-nodule": (chest.nodule, _THORAX),
        "chest-effusion": (chest.effusion, _THORAX),
        "liver": (abdomen.liver, _SOFT),
        "liver-lesion": (abdomen.lesion, _SOFT),
        "kidneys": (kidneys.kidneys, _SOFT),
        "pelvis": (pelvis.pelvis, _PELVIC),
        "hips": (pelvis.hips, _PELVIC),
        "thighs": (pelvis.thighs, _PELVIC),
    }
)
SIXTEEN: MappingProxyType[str, tuple[Draw, Window]] = MappingProxyType(
    {
        **ELEVEN,
        "chest-opacity": (chest.opacity, _THORAX),
        "chest-fibrosis": (chest.fibrosis, _THORAX),
        "spleen-lesion": (abdomen.spleen_lesion, _SOFT),
        "kidney-lesion": (kidneys.lesion, _SOFT),
        "bladder-tumour": (pelvis.bladder_tumour, _PELVIC),
    }
)
SMEAR = "smear"


def drawn(name: str, index: int, side: int) -> Pixels:
    """Draw a picture of a kind; `index` and `name` decide what it shows, `side` how finely."""
    # Seeded by name, so that a class added later leaves the others as they are.
    rng = np.random.default_rng([crc32(name.encode()), index])
    if name == SMEAR:
        return smear(rng, side)
    draw, window = SIXTEEN[name]
    # Drawn finer than shown, so that outlines stay smooth after the pose.
    canvas = Canvas(rng, side * 3 // 2)
    draw(canvas)
    return expose(canvas, window, side)
