"""What is passed to a cluster, and what a process of it does; on real nodes: tests/cluster."""

import pickle
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from stegnet import CapacityError, Identity, Key, Passphrase
from stegnet.cluster import decrypt_secrets, encrypt_secrets
from stegnet.core.remote_path import RemotePath
from stegnet.files import FolderPlan, Job, hide_each
from stegnet.results import OutputFolder, Report
from stegnet.tasks import Secrets, tasks_of
from tests.support.nodes import doing

KEY, SEED = bytes(range(32)), bytes(range(50, 82))
SECRETS = Secrets(Key(KEY), SEED)
SOURCES = [Key(KEY), Passphrase("zwölf Boxkämpfer"), Identity(KEY).recipient]


@pytest.mark.usefixtures("quick_scrypt")
@pytest.mark.parametrize("source", SOURCES, ids=["key", "passphrase", "recipient"])
def test_the_receiver_alone_opens_an_envelope(source):
    """Which shows nothing."""
    receiver, other = X25519PrivateKey.generate(), X25519PrivateKey.generate()
    public = receiver.public_key().public_bytes_raw()
    envelope = encrypt_secrets(Secrets(source, SEED), public)
    assert KEY not in envelope and SEED not in envelope
    assert envelope[:32] != encrypt_secrets(Secrets(source, SEED), public)[:32]
    opened = decrypt_secrets(envelope, receiver)
    assert opened.seed == SEED and type(opened.source) is type(source)
    keys = [each if isinstance(each, Key) else each.derive(bytes(16)) for each in (opened.source, source)]
    assert keys[0].mac(b"salt") == keys[1].mac(b"salt")
    for private, altered in ((other, envelope), (receiver, envelope[:-1] + bytes([envelope[-1] ^ 1]))):
        with pytest.raises(InvalidTag):
            decrypt_secrets(altered, private)


def test_secrets_are_not_shown():
    assert repr(SECRETS) == str(SECRETS) == "Secrets(...)"
    with pytest.raises(TypeError, match="can't be pickled"):
        pickle.dumps(SECRETS)


def test_randomness_follows_from_seed_number_and_draw():
    def drawn(seed: bytes, number: int) -> tuple[bytes, ...]:
        draw = Secrets(Key(KEY), seed).randomness(number)
        return draw(16), draw(32), draw(32)

    assert drawn(SEED, 3) == drawn(SEED, 3)
    assert [len(part) for part in drawn(SEED, 3)] == [16, 32, 32]
    parts = [part[:16] for seed, number in ((SEED, 3), (SEED, 4), (KEY, 3)) for part in drawn(seed, number)]
    assert len(set(parts)) == len(parts)


def plan(*names: str) -> FolderPlan:
    return FolderPlan(tuple(Job(Path(name), "picture", Path("secret")) for name in names))


def write(job, cover, secret, out, key) -> Report:
    """Hides nothing: writes the cover's name and something random."""
    out.path.write_bytes(cover.name.encode() + job.context.randomness(8))
    return Report(1, 1)


@pytest.mark.parametrize(
    ("names", "groups"),
    [
        (("a.png", "b.png", "A.jpg"), [[0, 2], [1]]),
        (("a.png", "a.jpg", "a-3.png", "a-03.png", "b-2.png", "a-2-2.png"), [[0, 1, 2], [3], [4], [5]]),
        (("a.png", "a.jpg", "a-2.png", "a-2.jpg", "a-2-2.png", "b.png"), [[0, 1, 2, 3, 4], [5]]),
    ],
)
def test_results_have_the_names_and_bytes_that_they_have_on_one_machine(tmp_path, names, groups):
    """In any order, and again."""
    made, out = plan(*names), OutputFolder(tmp_path)
    tasks, work = tasks_of(made, out), doing(write)
    assert [[made.jobs.index(job) for job in task.jobs] for task in tasks] == groups
    assert [task.number for task in tasks] == [numbers[0] for numbers in groups]
    alone = list(hide_each(made, out, work.job, SECRETS.source))
    spread = {outcome.job: outcome.out for task in tasks for outcome in work.outcomes(task, SECRETS, task.result)}
    assert spread == {outcome.job: outcome.out for outcome in alone}
    first = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert len({data[-8:] for data in first.values()}) == len(names)
    for task in reversed(tasks):
        assert [outcome.error for outcome in work.outcomes(task, SECRETS, task.result)] == [None] * len(task.jobs)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == first


def test_files_that_were_there_are_kept(tmp_path):
    names = ("a.png", "a-2.png", "a-3.png", "b.mkv", "ab.png")
    for name in names:
        (tmp_path / name).write_text("mine")
    (both,) = tasks_of(plan("a.png", "a.jpg"), OutputFolder(tmp_path))
    outcomes = doing(write).outcomes(both, SECRETS, both.result)
    assert [str(each.error) for each in outcomes] == [f"{tmp_path / name}: already exists" for name in names[:2]]
    (forced,) = tasks_of(plan("a.png"), OutputFolder(tmp_path, force=True))
    assert next(doing(write).outcomes(forced, SECRETS, forced.result)).error is None
    assert {(tmp_path / name).read_bytes() for name in names[1:]} == {b"mine"}


def test_errors_name_the_address_and_not_the_copy():
    with_file = RemotePath("memory://covers") / "a.png"
    with with_file.opened() as (files, path):
        files.pipe(path, b"cover")

    def refuse(job, cover, *rest) -> Report:
        assert cover.read_bytes() == b"cover"
        raise CapacityError("is too small", "use another", subject=cover)

    (task,) = tasks_of(FolderPlan((Job(with_file, "picture", with_file),)), OutputFolder(RemotePath("memory://out")))
    (outcome,) = doing(refuse).outcomes(task, SECRETS, task.result)
    assert isinstance(outcome.error, CapacityError) and outcome.error.hint == "use another"
    assert str(outcome.error) == "memory://covers/a.png: is too small"
    assert not files.exists("/out")
