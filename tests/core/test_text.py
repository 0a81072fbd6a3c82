"""Messages that name settings as values."""

import pickle
import re

import pytest

from stegnet.core import errors
from stegnet.core.errors import CapacityError, ConfigError, MediaError, called
from stegnet.core.text import Aside, Setting, Text, joined, shown

SEALED = Setting("method", "sealed")


def spelled(setting: Setting) -> str:
    return f"<{setting.name}>"


def test_a_message_is_the_text_that_python_writes():
    line = Text("use ", SEALED, " or ", Setting("strict", False), Aside("resize", "PIXELS", quoted=False))
    assert line == 'use `method="sealed"` or `strict=False` (`resize=PIXELS`)'
    assert shown(line, spelled) == "use <method> or <strict><resize>"


def test_settings_stay_values_in_longer_messages_and_in_other_processes():
    hint = "a.png: " + Text(SEALED, " does", kind="advice") + ", too"
    for line in (hint, joined("; ", [hint, "b"]), Text("x ", hint), pickle.loads(pickle.dumps(hint))):
        assert isinstance(line, Text)
        assert line.names("method")
        assert not line.names("survive")
        assert "<method>" in shown(line, spelled)
    assert pickle.loads(pickle.dumps(Text("a", kind="advice"))).kind == "advice"


@pytest.mark.parametrize("kind", [MediaError, CapacityError])
def test_an_error_has_a_problem_a_hint_and_a_subject(kind):
    error = pickle.loads(pickle.dumps(kind("is a folder", "name a file", subject="a b")))
    assert (str(error), error.problem, error.hint, error.subject) == (
        "a b: is a folder",
        "is a folder",
        "name a file",
        "a b",
    )
    other = error.with_hint("wait")
    assert (type(other), str(other), other.hint, error.hint) == (kind, "a b: is a folder", "wait", "name a file")


def test_an_error_of_a_parameter():
    error = pickle.loads(pickle.dumps(ConfigError("no such channel", parameter="survive", value="jpeg:5")))
    assert (str(error), error.parameter, error.value) == ("survive jpeg:5: no such channel", "survive", "jpeg:5")


def test_a_temporary_file_is_called_by_its_name_and_its_text_elsewhere_stays():
    with pytest.raises(MediaError) as caught, called("standard input", "/tmp/x"):
        raise MediaError("is not /tmp/x", subject="/tmp/x")
    assert str(caught.value) == "standard input: is not /tmp/x"
    with pytest.raises(MediaError) as caught, called("standard input", "/tmp/x"):
        raise MediaError("is a folder", subject="/tmp/x/y")
    assert str(caught.value) == "/tmp/x/y: is a folder"


def test_the_tree_of_errors_is_drawn_whole():
    classes = {
        each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, errors.StegnetError)
    }
    drawn = set(re.findall(r"(\w+Error)\b(?! *\))", str(errors.__doc__))) - {"ValueError"}
    assert drawn == {each.__name__ for each in classes}
