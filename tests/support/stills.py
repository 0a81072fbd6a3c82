"""Whole pictures for tests, of all formats."""

import io
from typing import Any

import numpy as np
from PIL import ExifTags, Image, ImageCms, PngImagePlugin


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    image.copy().save(file := io.BytesIO(), form, **options)  # a copy, as Pillow keeps what an encoder was told
    return file.getvalue()


def exif_of(**tags: Any) -> Image.Exif:
    """Tags by their numbers, such as x112."""
    made = Image.Exif()
    made.update({int(name[1:], 16): value for name, value in tags.items()})
    return made


def stills(shown: np.ndarray) -> dict[str, bytes]:
    """Pictures and animations of many formats, by names, as Pillow writes them, of (H, W, 4) uint8."""
    colours, layers, grey = map(Image.fromarray, (shown[..., :3], shown, shown[..., 0]))
    black, palette = grey.convert("1"), colours.quantize(32)
    deep = Image.fromarray(shown[..., 0] * np.uint16(257))
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif.get_ifd(ExifTags.IFD.GPSInfo)[1] = "N"
    text = PngImagePlugin.PngInfo()
    text.add_text("a", "b")
    text.add_text("c", "d" * 50, zip=True)
    text.add_itxt("e", "f" * 50, zip=True)
    more = {"save_all": True, "append_images": [colours.rotate(180)]}
    about = {"icc_profile": profile, "exif": exif}
    return {
        "rgb.png": saved(colours, "PNG", pnginfo=text, **about),
        "rgba.png": saved(layers, "PNG"),
        "la.png": saved(layers.convert("LA"), "PNG"),
        "grey.png": saved(grey, "PNG", transparency=5),
        "deep.png": saved(deep, "PNG"),
        "black.png": saved(black, "PNG"),
        "palette.png": saved(palette, "PNG", transparency=3),
        "colour.png": saved(colours, "PNG", transparency=(1, 2, 3)),
        "moving.png": saved(colours, "PNG", **more),
        "baseline.jpg": saved(colours, "JPEG", **about),
        "progressive.jpg": saved(colours, "JPEG", progressive=True, comment=b"a"),
        "restarts.jpg": saved(colours, "JPEG", optimize=True, subsampling=0, restart_marker_blocks=3),
        "grey.jpg": saved(grey, "JPEG"),
        "cmyk.jpg": saved(colours.convert("CMYK"), "JPEG"),
        "two.jpg": saved(colours, "MPO", **more),
        **{f"{kind}.tif": saved(colours, "TIFF", compression=kind) for kind in ("raw", "tiff_lzw", "packbits", "jpeg")},
        **{f"{image.mode}.tif": saved(image, "TIFF") for image in (layers, colours.convert("CMYK"))},
        "pages.tif": saved(
            colours, "TIFF", compression="tiff_adobe_deflate", save_all=True, append_images=[grey.copy()]
        ),
        "deep.tif": saved(deep, "TIFF"),
        "palette.tif": saved(palette, "TIFF"),
        "big.tif": saved(colours, "TIFF", big_tiff=True),
        "lossy.webp": saved(colours, "WEBP", **about),
        "lossless.webp": saved(layers, "WEBP", lossless=True),
        "moving.webp": saved(colours, "WEBP", duration=50, **more),
        "still.gif": saved(palette, "GIF", transparency=1, comment=b"a"),
        "moving.gif": saved(palette, "GIF", save_all=True, append_images=[palette.rotate(180)]),
        "still.avif": saved(colours, "AVIF", exif=exif),
        "rgba.avif": saved(layers, "AVIF", subsampling="4:4:4"),
        "moving.avif": saved(colours, "AVIF", **more),
        **{f"{image.mode}.bmp": saved(image, "BMP") for image in (colours, layers, palette, black)},
        "many.ico": saved(layers, "ICO", sizes=[(16, 16), (24, 20)]),
        "bitmap.ico": saved(layers, "ICO", bitmap_format="bmp", sizes=[(16, 16)]),
        **{f"{image.mode}.ppm": saved(image, "PPM") for image in (colours, grey, black)},
        "words.ppm": b"P3\n4 4\n255\n" + b"7 " * 48,
        "rgb.tga": saved(colours, "TGA", compression="tga_rle"),
        "palette.tga": saved(palette, "TGA"),
        "rgb.pcx": saved(colours, "PCX"),
        "rgb.sgi": saved(colours, "SGI"),
        "rgba.dds": saved(layers, "DDS"),
        "rgb.jp2": saved(colours, "JPEG2000"),
        "rgb.qoi": saved(colours, "QOI"),
    }
