import io

import numpy as np
import pytest
from PIL import Image, ImageCms, JpegImagePlugin

from stegnet.core.jpeg import encode_jpeg, through_jpeg
from tests.models.test_modem import scene


@pytest.mark.parametrize(("full_chroma", "sampling"), [(False, 2), (True, 0)])
def test_the_file_is_an_ordinary_one(full_chroma: bool, sampling: int) -> None:
    """Tables as libjpeg scales them, baseline, JFIF, and nothing that tells of this program; a profile is kept."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for icc, more in ((None, set()), (profile, {"icc_profile"})):
        with Image.open(io.BytesIO(encode_jpeg(scene(40, 56), 50, full_chroma=full_chroma, icc=icc))) as image:
            assert (image.format, image.size, image.mode) == ("JPEG", (56, 40), "RGB")
            assert JpegImagePlugin.get_sampling(image) == sampling
            assert image.quantization[0][:4] == [16, 11, 10, 16]
            assert image.info.keys() == {"jfif", "jfif_version", "jfif_unit", "jfif_density"} | more
            assert image.info.get("icc_profile") == icc


def test_a_lower_quality_changes_more() -> None:
    picture = scene(64, 96)
    errors = [float(np.square(through_jpeg(picture, q).astype(int) - picture).mean()) for q in (95, 75, 40)]
    assert errors == sorted(errors)
    assert through_jpeg(picture, 75).shape == picture.shape
    full = np.square(through_jpeg(picture, 75, full_chroma=True).astype(int) - picture).mean()
    assert full < errors[1]
