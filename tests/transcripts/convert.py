"""`convert IN [-quality Q] [-crop WxH+X+Y] [-resize PERCENT] [-poke] OUT`: what a site or a friend does to a picture.

`-poke` changes one sample, by 8 levels. The picture is turned upright, and its EXIF goes.
"""

import re
import sys

from PIL import Image, ImageOps


def main(source: str, *words: str) -> None:
    """Does what the words say, in their order."""
    *words, out = words
    picture, quality = ImageOps.exif_transpose(Image.open(source)).convert("RGB"), 92
    words = iter(words)
    for word in words:
        if word == "-quality":
            quality = int(next(words))
        elif word == "-crop":
            width, height, left, top = map(int, re.findall(r"\d+", next(words)))
            picture = picture.crop((left, top, left + width, top + height))
        elif word == "-resize":
            part = int(next(words).rstrip("%")) / 100
            picture = picture.resize([round(side * part) for side in picture.size])
        elif word == "-poke":
            place = picture.width - 1, picture.height - 1
            red, *rest = picture.getpixel(place)
            picture.putpixel(place, (red ^ 8, *rest))
        else:
            sys.exit(f"convert: no such option: {word}")
    picture.save(out, quality=quality)


if __name__ == "__main__":
    main(*sys.argv[1:])
