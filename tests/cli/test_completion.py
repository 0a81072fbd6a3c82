import subprocess

import pytest

from stegnet.cli import main


@pytest.fixture
def script(capsys) -> str:
    with pytest.raises(SystemExit) as caught:
        main(["--print-completion", "bash"])
    assert caught.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["hi"], {"hide"}),
        (["hide", "--bac"], {"--backend"}),
        (["hide", "cov"], {"cover.png", "cover.mkv"}),
        (["reveal", "x", "--key-file", "k"], {"k"}),
        (["hide", "--backend", "o"], {"onnx"}),
    ],
)
def test_bash_offers_what_fits(script, words, offered, folder):
    typed = " ".join(["stegnet", *words])
    told = f"{script}\nCOMP_WORDS=({typed}); COMP_CWORD={len(words)}; COMP_LINE='{typed}'; COMP_POINT=${{#COMP_LINE}}\n"
    told += '_shtab_stegnet; printf "%s\\n" "${COMPREPLY[@]}"'
    done = subprocess.run(["bash"], input=told, text=True, capture_output=True, check=True, cwd=folder)
    assert set(done.stdout.split()) == offered


def test_an_unknown_shell_is_refused(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--print-completion", "fish"])
    assert caught.value.code == 2
    assert "bash" in capsys.readouterr().err
