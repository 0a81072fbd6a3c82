"""What every method promises, at the public face: each test runs over the registry, as each entry says what applies."""

import itertools
import pickle
import re
import shutil
from collections.abc import Callable, Iterator
from concurrent import futures
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

import stegnet
from stegnet.cli import main
from stegnet.core import parallel
from stegnet.core.names import FILM, PICTURE, SOUND
from stegnet.formats.signatures import form_of
from stegnet.hide_file import HideJob
from stegnet.hiding import Context, CoverSize, Method
from stegnet.methods import METHODS
from stegnet.results import OutputTarget
from stegnet.sealing import embedding
from tests.support.films import make_film, noisy_film, picture, still_film
from tests.support.sounds import noise, write_wav

KEY, OTHER = stegnet.Key(bytes(range(32))), stegnet.Key(bytes(32))
NOTE = b"meet me at eight"
REFUSED = "nothing can be revealed: nothing here opens with this key"
FILMS = {"robust": "long.mkv", "h264": "cover.mp4"}


@dataclass(frozen=True)
class Case:
    """A method and a kind of cover."""

    name: str
    kind: str

    @property
    def method(self) -> Method:
        return METHODS[self.name]

    @property
    def suffix(self) -> str:
        """Of its usual container."""
        return self.method.info.forms[self.kind][0]

    @property
    def cover(self) -> str:
        """A file of the corpus."""
        if self.kind == FILM:
            return FILMS.get(self.name, "short.mkv")
        if self.kind == SOUND:
            return "cover.wav"
        if self.name == "transparent":
            return "transparent.png"
        return "cover.jpg" if self.suffix == ".jpg" else "cover.png"

    @property
    def secret(self) -> str:
        """A file of the corpus that it hides."""
        return "note.txt" if self.method.info.any_file else {PICTURE: "secret.png", FILM: "secret.mkv"}[self.kind]

    @property
    def options(self) -> dict[str, bool]:
        """Those with which an untrained network hides, too."""
        return {"any_quality": True} if self.name == "network" else {}


def transparent(height: int, width: int, seed: int) -> Image.Image:
    """A picture whose first row can't be seen."""
    opacity = np.repeat(np.arange(height, dtype=np.uint8)[:, None], width, 1)
    return Image.fromarray(np.dstack([picture(height, width, seed), opacity]))


def image_of(case: Case, height: int, width: int, seed: int) -> Image.Image:
    """A cover for a case."""
    if case.name == "transparent":
        return transparent(height, width, seed)
    return Image.fromarray(picture(height, width, seed))


CASES = [Case(name, kind) for name, method in METHODS.items() for kind in method.info.covers]
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.name}-{case.kind}")
each_of_pictures = pytest.mark.parametrize(
    "case", [case for case in CASES if case.kind == PICTURE], ids=lambda case: case.name
)


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Covers and secrets, made once."""
    folder = tmp_path_factory.mktemp("corpus")
    Image.fromarray(picture(160, 208, 1)).save(folder / "cover.png")
    Image.fromarray(picture(160, 208, 1)).save(folder / "cover.jpg", quality=90)
    Image.fromarray(picture(20, 25, 2)).save(folder / "secret.png")
    transparent(160, 208, 1).save(folder / "transparent.png")
    write_wav(folder / "cover.wav", noise(60_000))
    make_film(folder / "short.mkv", 6, 128, 192, sound="aac")
    make_film(folder / "secret.mkv", 4, 40, 48, seed=9)
    still_film(folder / "long.mkv", 52)
    noisy_film(folder / "cover.mp4")
    (folder / "note.txt").write_bytes(NOTE)
    return folder


@pytest.fixture(scope="module")
def session() -> stegnet.Session:
    """With the shipped networks."""
    return stegnet.Session(device="cpu")


@pytest.fixture(scope="module")
def tiny(weights: Path) -> stegnet.Session:
    """With a pair that is not trained."""
    return stegnet.Session(weights=weights, device="cpu", precision="fp32")


@pytest.fixture(scope="module")
def session_of(session: stegnet.Session, tiny: stegnet.Session):
    return lambda case: tiny if case.name == "network" else session


@pytest.fixture(scope="module")
def hide(corpus: Path, session_of) -> Callable[..., stegnet.Report]:
    """Hides a case's secret in its cover; a cover, a secret and a key may be given."""

    def call(case: Case, to=None, *, cover=None, secret=None, key=KEY, session=None, **more) -> stegnet.Report:
        files = cover or corpus / case.cover, secret or corpus / case.secret, to
        return (session or session_of(case)).hide(*files, key=key, method=case.name, **case.options, **more)

    return call


@pytest.fixture(scope="module")
def containers(hide, tmp_path_factory: pytest.TempPathFactory):
    """The container of a case, made once."""
    folder, made = tmp_path_factory.mktemp("containers"), {}

    def container(case: Case) -> Path:
        if case not in made:
            out = folder / f"{case.name}-{case.kind}{case.suffix}"
            report = hide(case, out)
            assert report.path == out and report.trouble == ()
            made[case] = out
        return made[case]

    return container


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working folder; the one for temporary files stays empty."""
    (tmp_path / "work").mkdir()
    (tmp_path / "temporary").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    yield tmp_path / "work"
    assert not list((tmp_path / "temporary").iterdir())


@each_case
def test_a_secret_comes_back(case, containers, session_of, hide):
    container = containers(case)
    found = session_of(case).reveal(container, f"back{Path(case.secret).suffix}", key=KEY)
    assert (found.trouble, found.path.stat().st_mode & 0o777) == ((), 0o600)
    if case.method.info.any_file:
        assert (found.kind, found.name, found.path.read_bytes()) == ("file", "note.txt", NOTE)
    else:
        assert found.kind == case.kind
    told = session_of(case).info(container, key=KEY)
    assert told["method"] in METHODS and told["method"] != "auto"
    assert case.name in ("auto", told["method"])
    assert told["hidden"] == found.kind
    with pytest.raises(stegnet.MediaError, match="already exists"):
        session_of(case).reveal(container, found.path, key=KEY)
    before = container.read_bytes()
    with pytest.raises(stegnet.MediaError, match="already exists"):
        hide(case, container)
    assert container.read_bytes() == before


EACH_FORM = [(case, suffix) for case in CASES for suffix in case.method.info.forms[case.kind]]


def has_its_form(path: Path) -> bool:
    """Whether the bytes are what the name says, by their signature."""
    form = form_of(path)
    return form is not None and path.suffix in form.suffixes


@pytest.mark.parametrize(("case", "suffix"), EACH_FORM, ids=lambda part: getattr(part, "name", part))
def test_a_container_of_each_form_has_its_bytes(case, suffix, session_of, corpus, hide):
    cover = corpus / case.cover
    if case.kind == SOUND and suffix == ".flac":
        cover = Path("cover.flac")
        soundfile.write(cover, *soundfile.read(corpus / case.cover, dtype="int16"), "PCM_16")
    hide(case, f"out{suffix}", cover=cover)
    assert has_its_form(Path(f"out{suffix}"))
    found = session_of(case).reveal(f"out{suffix}", key=KEY)
    assert found.kind == (case.kind if case.secret != "note.txt" else "file")


@each_of_pictures
def test_a_picture_comes_back(case, session_of, corpus, hide):
    made = hide(case, secret=corpus / "secret.png")
    found = session_of(case).reveal(made.container, key=KEY).picture
    assert found.shape == (20, 25, 3)
    assert made.secret_psnr is None or made.secret_psnr > 15 or case.name == "network"


@each_case
def test_another_key_opens_nothing(case, containers, session_of, quick_scrypt):
    for key in (OTHER, stegnet.Passphrase("six odd words")):
        with pytest.raises(stegnet.RevealError, match=REFUSED):
            session_of(case).reveal(containers(case), "back", key=key)
    with pytest.raises(stegnet.RevealError, match=REFUSED):
        session_of(case).info(containers(case), key=OTHER)
    assert not list(Path().iterdir())


@each_case
def test_a_cover_hides_nothing(case, session_of, corpus):
    with pytest.raises(stegnet.RevealError, match=REFUSED):
        session_of(case).reveal(corpus / case.cover, key=KEY)


@each_case
def test_what_a_faulty_disk_gives_back_otherwise_is_not_kept(case, corpus, hide, monkeypatch):
    """It gives the cover back."""
    opened, cover, out = Path.open, corpus / case.cover, Path(f"out{case.suffix}")

    def lying(path: Path, mode: str = "r", *more, **how):
        return opened(cover if mode == "rb" and path.suffix == ".part" else path, mode, *more, **how)

    monkeypatch.setattr(Path, "open", lying)
    with pytest.raises(stegnet.MediaError, match=f"{out}: what was written does not give the secret back") as caught:
        hide(case, out)
    assert "report it" in caught.value.hint
    assert not list(Path().iterdir())
    hide(case, out, verify=False)


@pytest.mark.parametrize("case", [case for case in CASES if case.name != "robust"], ids=str)
def test_what_nobody_could_open_is_not_kept(case, hide, monkeypatch):
    """One trit of each record is wrong: a fault of the writer, of which no sample tells."""
    written = embedding.write_record_zone

    def faulty(samples, trits, plan):
        trits[len(trits) // 2] = (trits[len(trits) // 2] + 1) % 3
        written(samples, trits, plan)

    monkeypatch.setattr(embedding, "write_record_zone", faulty)
    with pytest.raises(stegnet.MediaError, match="does not give the secret back"):
        hide(case, f"out{case.suffix}")
    assert not list(Path().iterdir())


@each_of_pictures
def test_what_was_altered_is_told_or_refused(case, containers, session_of):
    """Part of the picture is painted over: a secret that comes back all the same comes back right, or with a word."""
    with Image.open(containers(case)) as image:
        painted = image.copy()
        painted.paste((0, 0, 0), (0, 0, image.width // 2, image.height))
    painted.save(f"altered{case.suffix}", quality=95)
    try:
        found = session_of(case).reveal(f"altered{case.suffix}", key=KEY)
    except stegnet.RevealError as error:
        assert error.hint
    else:
        assert found.trouble or found.data == NOTE


@each_case
def test_a_secret_that_is_too_large_is_refused_and_the_hint_helps(case, session_of, hide):
    """Where a hint names an option or a size, following it ends otherwise."""
    if not case.method.info.any_file:
        pytest.skip("a picture or film is scaled to the cover's size")
    large = np.random.default_rng(0).bytes(250_000)
    with pytest.raises(stegnet.CapacityError) as caught:
        hide(case, f"out{case.suffix}", secret=large)
    assert caught.value.hint
    assert not list(Path().iterdir())
    if size := re.search(r"(\d+)×(\d+)", caught.value.hint) if case.kind == PICTURE else None:
        width, height = map(int, size.groups())
        image_of(case, height, width, 1).save(f"large{Path(case.cover).suffix}", quality=90)
        made = hide(case, cover=f"large{Path(case.cover).suffix}", secret=large, verify=False)
        assert session_of(case).reveal(made.container, key=KEY).data == large


@each_of_pictures
@pytest.mark.parametrize("size", [(1, 9), (8, 8), (17, 31), (97, 130)], ids=lambda size: "x".join(map(str, size)))
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_covers_of_any_size_are_hidden_in_or_refused(case, size, mode, session_of, hide):
    """A grey cover gives a grey container of its size."""
    suffix = Path(case.cover).suffix
    Image.fromarray(picture(*size, 1)).convert(mode).save(f"cover{suffix}", quality=90)
    try:
        hide(case, f"out{case.suffix}", cover=f"cover{suffix}")
    except (stegnet.CapacityError, stegnet.MediaError) as error:
        assert error.hint and min(size) < 200
        assert not Path(f"out{case.suffix}").exists()
        return
    with Image.open(f"out{case.suffix}") as image:
        assert image.size == size[::-1]
        seen = np.asarray(image.convert("RGB"))
    assert mode == "RGB" or (seen == seen[..., :1]).all()
    found = session_of(case).reveal(f"out{case.suffix}", key=KEY)
    assert found.data == NOTE or case.secret != "note.txt"


@each_of_pictures
def test_a_cover_that_is_reduced(case, session_of, hide):
    if "resize" not in case.method.info.option_names:
        pytest.skip("it has no such option")
    made = hide(case, f"out{case.suffix}", resize=100)
    assert (made.width, made.height) == (100, 77)
    assert session_of(case).reveal(f"out{case.suffix}", key=KEY).data == NOTE
    with pytest.raises(stegnet.ConfigError, match="resize: 208 is not from 1 to 207: the cover's longer side"):
        hide(case, f"larger{case.suffix}", resize=208)


@each_case
def test_passphrases_and_recipients(case, session_of, hide, quick_scrypt):
    recipient = stegnet.make_identity_file("id")
    phrase = stegnet.Passphrase("six odd words last far longer")
    keys = [(phrase, phrase), (recipient, stegnet.read_identity("id"))]
    for hides, opens in keys if case.kind == PICTURE else keys[1:]:
        if case.name == "robust" and hides is recipient:
            with pytest.raises(stegnet.KeyFileError, match="nothing can be hidden that survives"):
                hide(case, key=hides)
            continue
        made = hide(case, key=hides).container
        assert session_of(case).reveal(made, key=opens).trouble == ()
        with pytest.raises(stegnet.RevealError, match=REFUSED):
            session_of(case).reveal(made, key=KEY)


@each_of_pictures
def test_an_album(case, session_of, corpus):
    Path("covers").mkdir()
    for number in range(3):
        image_of(case, 120, 160, number).save(f"covers/{number}.png")
    if not case.method.info.albums:
        with pytest.raises(stegnet.ConfigError, match="can't divide a secret over an album"):
            session_of(case).hide_album("covers", corpus / "note.txt", "out", key=KEY, method=case.name)
        assert not Path("out").exists()
        return
    reports = session_of(case).hide_album("covers", corpus / "note.txt", "out", key=KEY, method=case.name, enough=2)
    assert len(reports) == len(list(Path("out").iterdir())) == 3
    assert all(map(has_its_form, Path("out").iterdir()))
    next(Path("out").iterdir()).unlink()
    found = session_of(case).reveal("out", key=KEY)
    spared = "complete: any 2 of 3 were enough; 1 of the album's 3 files is missing or unreadable"
    assert (found.data, found.trouble) == (NOTE, ()) and spared in found.notes
    next(Path("out").iterdir()).unlink()
    with pytest.raises(stegnet.RevealError, match="of the album"):
        session_of(case).reveal("out", key=KEY)


@pytest.mark.slow
@pytest.mark.parametrize("case", [case for case in CASES if case.kind != FILM], ids=str)
def test_folders_by_the_command_line(case, corpus, weights):
    for name in ("covers", "secrets"):
        Path(name).mkdir()
    for number in range(2):
        shutil.copy(corpus / case.cover, f"covers/{number}{Path(case.cover).suffix}")
        shutil.copy(corpus / case.secret, f"secrets/{number}{Path(case.secret).suffix}")
    stegnet.make_key_file("k")
    network = ["--weights", str(weights), "--any-quality"] if case.name == "network" else []
    line = ["hide", "covers", f"secrets/0{Path(case.secret).suffix}", "-o", "out", "--key-file", "k"]
    assert main([*line, "--method", case.name, *network]) == 0
    assert sorted(path.name for path in Path("out").iterdir()) == [f"0{case.suffix}", f"1{case.suffix}"]
    assert main(["reveal", "out", "-o", "back", "--key-file", "k", *network[:2]]) == 0
    assert len(list(Path("back").iterdir())) == 2


@each_case
def test_progress_counts_up(case, hide, weights, monkeypatch):
    """However slow the machine is: between two reports, its heart beats as often as in some seconds."""
    monkeypatch.setattr(parallel, "wait", lambda works, _: futures.wait(works, 0.01))
    calls = []
    more = {"weights": weights, "precision": "fp32"} if case.name == "network" else {}
    session = stegnet.Session(device="cpu", progress=lambda *step: calls.append(step), **more)
    hide(case, f"out{case.suffix}", session=session)
    assert calls and all(phase and done >= 0 and (not total or done <= total) for phase, done, total in calls)
    for (phase, done, total), (next_phase, later, _) in itertools.pairwise(calls):
        assert phase != next_phase or done <= later or done == total


@pytest.mark.parametrize("case", [case for case in CASES if case != Case("robust", FILM)], ids=str)
def test_a_cover_is_opened_once(case, corpus, hide, weights):
    """Its name may go meanwhile. Of a film that survives H.264, FFmpeg's program copies the sound, by its name."""
    cover, out, pair = Path(case.cover), Path(f"out{case.suffix}"), weights if case.name == "network" else None
    cover.write_bytes((corpus / case.cover).read_bytes())
    session = stegnet.Session(weights=pair, device="cpu", progress=lambda *_: cover.unlink(missing_ok=True))
    hide(case, out, cover=cover, session=session)
    assert out.exists() and not cover.exists()


@each_of_pictures
def test_a_method_with_its_options_can_be_pickled(case, corpus, weights):
    """Folders are shared out over processes."""
    run = Context(weights, device="cpu", precision="fp32") if case.name == "network" else Context(device="cpu")
    hide = pickle.loads(pickle.dumps(HideJob(case.method, case.method.info.options(**case.options), run)))
    report = hide(corpus / case.cover, corpus / case.secret, OutputTarget(Path(f"out{case.suffix}")), KEY)
    assert report.trouble == () and Path(f"out{case.suffix}").exists()
    assert replace(report) == pickle.loads(pickle.dumps(report))


def test_the_registry():
    """A second method of a name is refused; the default follows from options and the container's suffix."""
    for method, size in itertools.product(METHODS.values(), ((480, 640), (480, 640, 100), (8, 8), (480, 640, 1, 1))):
        fits = method.what_fits(CoverSize(*size))
        assert all(fit.method.startswith(method.info.name) for fit in fits)
        assert all((fit.bytes is None) != (fit.psnr is None) for fit in fits)
    with pytest.raises(ValueError, match="there is a method jpeg already"):
        METHODS.add("jpeg", "tests.methods.toy:Toy")
    assert next(iter(METHODS)) == "auto"
    for suffix, name in ((".png", "auto"), (".jpg", "jpeg"), (".mov", "h264"), (".flac", "auto")):
        assert METHODS.choose("auto", [], suffix).info.name == name
    for wish in ("survive", "container_psnr"):
        assert METHODS.choose("auto", [wish], "").info.name == "robust"
