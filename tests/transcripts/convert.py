"""`convert IN [OPTIONS] OUT`: what a site or a friend does to a picture.

    -quality Q, -crop WxH+X+Y, -resize PERCENT
    -poke              changes one sample, by 8 levels
    -mode MODE         one of Pillow's
    -then FILE         one more page, or frame
    -turn N            how it is to be turned, by EXIF
    -profile FILE      a colour profile; none, if the file is empty
    -save NAME=VALUE   an option of Pillow's

First of all the picture is turned upright, and its EXIF goes.
"""

import ast
import re
import sys
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps


def main(source: str, *arguments: str) -> None:
    """Does what the words say, in their order."""
    *choices, out = arguments
    words = iter(choices)
    options: dict[str, Any] = {"quality": 92}
    picture = ImageOps.exif_transpose(Image.open(source)).convert("RGB")
    for word in words:
        if word == "-quality":
            options["quality"] = int(next(words))
        elif word == "-crop":
            width, height, left, top = map(int, re.findall(r"\d+", next(words)))
            picture = picture.crop((left, top, left + width, top + height))
        elif word == "-resize":
            part = int(next(words).rstrip("%")) / 100
            picture = picture.resize((round(picture.width * part), round(picture.height * part)))
        elif word == "-poke":
            place = picture.width - 1, picture.height - 1
            sample = picture.getpixel(place)
            assert isinstance(sample, tuple)
            red, *rest = sample
            picture.putpixel(place, (red ^ 8, *rest))
        elif word == "-mode":
            picture = picture.convert(next(words))
        elif word == "-then":
            options |= {"save_all": True, "append_images": [*options.get("append_images", ()), Image.open(next(words))]}
        elif word == "-turn":
            options["exif"] = Image.Exif()
            options["exif"][0x0112] = int(next(words))
        elif word == "-profile":
            options["icc_profile"] = Path(next(words)).read_bytes()
        elif word == "-save":
            name, _, value = next(words).partition("=")
            options[name] = ast.literal_eval(value)
        else:
            sys.exit(f"convert: no such option: {word}")
    picture.save(out, **options)


if __name__ == "__main__":
    main(*sys.argv[1:])
