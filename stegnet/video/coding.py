"""Settings of the lossy encoders for films."""

from dataclasses import dataclass

ENCODER = "libx264"
PACE, _KEY_EVERY = 4, 240  # frames; x264 itself would set a key frame after 250
_ANY_TYPE, _I, _P, _B = range(4)
_MORE = {  # options of these encoders, and the names of their options for speed
    "libx264": ("preset", {}),
    "libx265": ("preset", {"x265-params": "log-level=error"}),
    "libvpx-vp9": ("cpu-used", {"b:v": "0", "deadline": "good", "row-mt": "1"}),
    "libsvtav1": ("preset", {}),
}
# x264 writes its settings into the film. These say how frames are paced, as they would for anyone who sets it in
# ffmpeg.
_PACED = f"bframes={PACE - 1}:b-adapt=0:scenecut=0:keyint={_KEY_EVERY}"


@dataclass(frozen=True)
class Coding:
    """Settings of a lossy encoder."""

    crf: int  # constant rate factor, on the encoder's own scale
    preset: str = "fast"  # the encoder's speed, as the encoder names it
    encoder: str = ENCODER  # FFmpeg's name
    # x264 predicts every PACE-th frame from earlier ones, and those between from both sides
    paced: bool = False
    params: str = ""  # further parameters of x264

    @property
    def options(self) -> dict[str, str]:
        """Options of the encoder."""
        preset, more = _MORE[self.encoder]
        own = {"forced-idr": "1" if self.paced else "", "x264-params": self.x264_params}
        return {"crf": str(self.crf), preset: self.preset} | more | {name: own[name] for name in own if own[name]}

    @property
    def x264_params(self) -> str:
        """Settings in x264's own notation."""
        return ":".join(filter(None, (_PACED if self.paced else "", self.params)))

    def kind_of(self, index: int, count: int) -> int:
        """Return the type that frame `index` of `count` should have, as FFmpeg numbers it (AVPictureType)."""
        if not self.paced:
            return _ANY_TYPE
        if index % _KEY_EVERY == 0:
            return _I
        return _P if index % PACE == 0 or index == count - 1 else _B
