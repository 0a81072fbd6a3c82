"""Features of JPEGs, against sealwatch's own."""

from pathlib import Path

import numpy as np
import pytest
from sealwatch import dctr as sealwatch_dctr
from sealwatch import gfr as sealwatch_gfr

from stegnet.core.jpeg import encode_jpeg
from stegnet.media.jpeg import read_jpeg
from study.jpeg_features import dctr, gfr, jrm, luma_of


@pytest.mark.parametrize("quality", [75, 95])
def test_features_are_those_of_sealwatch(tmp_path: Path, picture, quality: int):
    path = tmp_path / "a.jpg"
    path.write_bytes(encode_jpeg(picture(72, 104), quality))
    luma = luma_of(read_jpeg(path), quality)
    wanted = np.concatenate(list(sealwatch_dctr.extract_from_file(str(path), qf=quality).values()))
    assert np.abs(dctr(luma) - wanted).mean() < 1e-3  # all but those where halves are rounded
    wanted = sealwatch_gfr.extract_from_file(str(path), qf=quality).reshape(-1)
    assert np.abs(gfr(luma) - wanted).mean() < 1e-3
    assert jrm(luma).shape == (11255,)
