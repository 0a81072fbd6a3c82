"""Sounds for tests: noise, and WAV files written by hand."""

import struct
from pathlib import Path

import numpy as np

from stegnet.sound.file import SoundFile

PCM, FLOAT, A_LAW, EXTENSIBLE = 1, 3, 6, 0xFFFE


def noise(frames: int, channels: int = 2, bits: int = 16, seed: int = 0, level: float = 0.05) -> np.ndarray:
    """Noise, (frames, channels) int32, as loud as `level` of the range."""
    loud = np.random.default_rng(seed).normal(0, level * 2 ** (bits - 1), (frames, channels))
    return np.rint(loud).clip(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1).astype(np.int32)


def as_bytes(samples: np.ndarray, bits: int = 16) -> bytes:
    return samples.astype("<i4")[..., None].view(np.uint8)[..., : bits // 8].tobytes()


def form_chunk(coding: int = PCM, channels: int = 2, rate: int = 44100, bits: int = 16, extra: bytes = b"") -> bytes:
    frame = channels * bits // 8
    return chunk(b"fmt ", struct.pack("<HHIIHH", coding, channels, rate, rate * frame, frame, bits) + extra)


def chunk(kind: bytes, content: bytes, size: int | None = None) -> bytes:
    """A chunk of a RIFF file; `size` is what it says of itself."""
    said = len(content) if size is None else size
    return kind + said.to_bytes(4, "little") + content + b"\0" * (len(content) % 2)


def riff(*chunks: bytes, name: bytes = b"RIFF") -> bytes:
    content = b"WAVE" + b"".join(chunks)
    return name + len(content).to_bytes(4, "little") + content


def write_wav(path: Path, samples: np.ndarray, bits: int = 16, *tags: bytes) -> Path:
    path.write_bytes(
        riff(form_chunk(channels=samples.shape[1], bits=bits), chunk(b"data", as_bytes(samples, bits)), *tags)
    )
    return path


def samples_of(sound: SoundFile) -> np.ndarray:
    """All samples of a sound, (frames, channels, bytes) uint8."""
    return np.concatenate(list(sound.blocks()))
