from stegnet.evaluation.demonstration import seeded


def test_seeded_bytes_repeat_and_never_within_one_film():
    first, second, other = seeded(0), seeded(0), seeded(1)
    drawn = [first(16) for _ in range(4)]
    assert [len(some) for some in drawn] == [16] * 4
    assert len(set(drawn)) == 4
    assert drawn == [second(16) for _ in range(4)]
    assert drawn[0] != other(16)
