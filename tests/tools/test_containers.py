"""Dockerfile and compose.yaml, as far as they can be checked without Docker."""

import re
import shlex
from pathlib import Path

import pytest
import yaml

from tests.clones import run

ROOT = Path(__file__).parents[2]
SERVICES = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
STEPS = re.sub(r"\\\n(?:#.*\n)*", "", (ROOT / "Dockerfile").read_text(encoding="utf-8")).splitlines()
IGNORED = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()


def steps(name: str) -> list[str]:
    """Arguments of this instruction, each time that the Dockerfile has it."""
    return [step.partition(" ")[2].strip() for step in STEPS if step.startswith(f"{name} ")]


@pytest.mark.slow
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


def test_only_this_machine_reaches_the_ports() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert len(ports) == 4
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_what_a_service_waits_for_can_come() -> None:
    """A service that must be healthy has a check, one that must complete is not started again."""
    for service in SERVICES.values():
        for name, awaited in service.get("depends_on", {}).items():
            healthy = awaited["condition"] == "service_healthy"
            assert "healthcheck" in SERVICES[name] if healthy else SERVICES[name]["restart"] == "no"


def test_images_are_pinned() -> None:
    (python,) = (step for step in steps("ARG") if step.startswith("PYTHON="))
    assert re.search(r":3\.11\.\d+-slim-bookworm@sha256:[0-9a-f]{64}$", python)
    assert {step.split()[0] for step in steps("FROM")} == {"${PYTHON}"}
    foreign = [service["image"] for service in SERVICES.values() if "build" not in service]
    assert len(foreign) == 2
    assert all(re.search(r":(\d+\.\d+-|RELEASE\.)", image) for image in foreign)


def test_containers_run_as_a_user() -> None:
    assert steps("USER") == ["stegnet"]
    assert STEPS.index("USER stegnet") > max(index for index, step in enumerate(STEPS) if step.startswith("RUN "))


def test_the_image_has_all_code_and_nothing_that_git_does_not_keep() -> None:
    """`.dockerignore` leaves everything out but what it names."""
    assert IGNORED[0] == "*"
    kept = {name.removeprefix("!") for name in IGNORED if name.startswith("!")}
    tracked = {name.split("/")[0] for name in run(ROOT, "git", "ls-files").splitlines()}
    assert kept <= tracked
    assert {"stegnet", "pipeline", "study", "params.yaml", "pyproject.toml", "README.md", "LICENSE"} <= kept
    copied = [word for step in steps("COPY") if "--from" not in step for word in step.split()[:-1]]
    assert {word for word in copied if word not in (".", "--chown=stegnet")} <= kept
