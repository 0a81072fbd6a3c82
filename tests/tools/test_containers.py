"""Dockerfile and compose.yaml, as far as they can be checked without Docker."""

import re
import shlex

import pytest
import yaml

from tests.clones import run
from tests.support.lab import ROOT

SERVICES = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
STEPS = re.sub(r"\\\n(?:#.*\n)*", "", (ROOT / "Dockerfile").read_text(encoding="utf-8")).splitlines()
IGNORED = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()


@pytest.mark.long
@pytest.mark.parametrize("service", ["head", "worker", "mlflow"])
def test_commands_have_the_options_they_are_given(service: str) -> None:
    words = SERVICES[service]["command"]
    if words[0] == "sh":
        words = shlex.split(words[2].rpartition("exec ")[2])
    given = {word.partition("=")[0] for word in words if word.startswith("--")}
    known = re.findall(r"--[a-z][a-z-]+", run(ROOT, *words[:2], "--help"))
    assert words[0] in ("ray", "mlflow")
    assert len(given) > 1
    assert given <= set(known)


def test_only_this_machine_reaches_the_ports_and_what_a_service_waits_for_can_come() -> None:
    """A service that must be healthy has a check, one that must complete is not started again."""
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert len(ports) == 4
    assert all(port.startswith("127.0.0.1:") for port in ports)
    for service in SERVICES.values():
        for name, awaited in service.get("depends_on", {}).items():
            healthy = awaited["condition"] == "service_healthy"
            assert "healthcheck" in SERVICES[name] if healthy else SERVICES[name]["restart"] == "no"


def test_the_image_runs_as_a_user_with_all_code_and_nothing_that_git_does_not_keep() -> None:
    """`.dockerignore` leaves everything out but what it names."""
    assert STEPS.index("USER stegnet") > max(index for index, step in enumerate(STEPS) if step.startswith("RUN "))
    assert IGNORED[0] == "*"
    kept = {name.removeprefix("!") for name in IGNORED if name.startswith("!")}
    assert kept <= {name.split("/")[0] for name in run(ROOT, "git", "ls-files").splitlines()}
    assert {"stegnet", "pipeline", "study", "params.yaml", "pyproject.toml", "README.md", "LICENSE"} <= kept
    copies = [step.split()[1:-1] for step in STEPS if step.startswith("COPY ") and "--from" not in step]
    assert {word for words in copies for word in words} - {".", "--chown=stegnet"} <= kept
