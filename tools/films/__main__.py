"""Renders the two demonstration films, picture and sound, from fixed seeds.

assets/cover.mp4   640x360, 25 frames a second, 4.0 s: the sun rises over a mountain lake
assets/secret.mp4  480x270, 24 frames a second, 3.5 s: a drive down a city avenue at nightfall

    python -m tools.films assets
"""

import argparse
from fractions import Fraction
from pathlib import Path

import av

from tools.films import city, landscape, sound

BLOCK = 1024  # samples per AAC frame
SOUND_BITS = 96_000
FILMS = {  # name: module of the frames, composer of the sound, x264's constant rate factor
    "cover": (landscape, sound.morning, 17),
    "secret": (city, sound.evening, 17),
}


def add_picture(container, film, quality):
    stream = container.add_stream("libx264", rate=film.RATE)
    stream.width, stream.height, stream.pix_fmt = film.WIDTH, film.HEIGHT, "yuv420p"
    stream.thread_count = 1  # the same bytes on any number of cores
    stream.options = {"crf": str(quality), "preset": "slow", "tune": "film"}
    return stream


def add_sound(container):
    stream = container.add_stream("aac", rate=sound.RATE)
    stream.layout, stream.bit_rate = "stereo", SOUND_BITS
    return stream


def encode_picture(container, stream, film):
    for number, image in enumerate(film.frames()):
        frame = av.VideoFrame.from_ndarray(image, format="rgb24")
        frame.pts, frame.time_base = number, Fraction(1, film.RATE)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def encode_sound(container, stream, track):
    for first in range(0, track.shape[1], BLOCK):
        frame = av.AudioFrame.from_ndarray(track[:, first : first + BLOCK].copy(), format="fltp", layout="stereo")
        frame.sample_rate, frame.pts = sound.RATE, first
        frame.time_base = Fraction(1, sound.RATE)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def render(film, compose, quality, path):
    """Writes a film to a temporary file and renames it when complete."""
    draft = path.with_name(path.stem + ".part.mp4")
    with av.open(str(draft), "w", options={"movflags": "+faststart"}) as container:
        picture, sound = add_picture(container, film, quality), add_sound(container)
        encode_sound(container, sound, compose(film.FRAMES / film.RATE))
        encode_picture(container, picture, film)
    draft.replace(path)


def main():
    parser = argparse.ArgumentParser(
        "python -m tools.films", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="output folder of cover.mp4 and secret.mp4")
    parser.add_argument("--only", choices=FILMS, help="render only this film")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    for name, (film, compose, quality) in FILMS.items():
        if args.only in (None, name):
            render(film, compose, quality, args.folder / f"{name}.mp4")


if __name__ == "__main__":
    main()
