"""A picture comes back from JPEG as another library writes and reads it."""

import io

import torch
from matplotlib.image import imread, imsave

from acir.jpeg import compressed
from made_clouds import clouds


def test_it_is_what_comes_back_from_a_file() -> None:
    (image,) = clouds(1, 24)
    pixels = (255 * image).round().to(torch.uint8).permute(1, 2, 0).numpy()
    file = io.BytesIO()
    imsave(file, pixels, format="jpeg", pil_kwargs={"quality": 60})
    file.seek(0)
    read = torch.tensor(imread(file, format="jpeg").copy()).permute(2, 0, 1) / 255
    assert torch.equal(compressed(image, 60), read)
    assert 0 < (read - image).abs().max() < 0.3


def test_a_higher_quality_changes_less() -> None:
    (image,) = clouds(1, 24, noise=0.1)
    gaps = [float((compressed(image, q) - image).abs().mean()) for q in (95, 60, 20)]
    assert gaps == sorted(gaps)


def test_what_is_beyond_white_and_black_is_white_and_black() -> None:
    beyond = torch.stack([torch.full((8, 8), value) for value in (2.0, 2.0, 2.0)])
    assert (compressed(beyond, 95) == 1).all()
    assert (compressed(-beyond, 95) == 0).all()
