"""`nungil profile` against a running gateway: interests read and corrected, and the story."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from gateway_builders import a_gateway

from nungil.cli.main import main


@pytest.fixture(scope="module")
def gateway():
    with a_gateway("ingest", "profile") as gateway:
        yield gateway


@pytest.fixture
def run(gateway, request):
    key = gateway.key(subject=request.node.name[:200])

    def run(*arguments: str):
        return CliRunner().invoke(main, ["profile", *arguments, "--url", gateway.url, "--key", key])

    return run


def test_an_interest_is_renamed_pinned_and_shown_so(run):
    corrected = run("dogs", "--rename", "Choco", "--pin")
    assert corrected.output == "dogs is called Choco: pinned\n"
    assert "Choco (pinned)" in run().output
    assert run("dogs", "--rename", "", "--unpin").output == "dogs: nothing else is said of it\n"


def test_an_interest_is_muted_and_forgotten(run):
    assert json.loads(run("dogs", "--mute", "--json").output)["muted"]
    assert run("dogs", "--delete").output == "dogs: what was learnt is forgotten\n"
    assert "(muted)" in run().output


def test_a_story_says_which_consents_it_lacks(run):
    assert "image_interest, taken_on" in run("--story").output
    assert json.loads(run("--story", "--json").output)["years"] == []


@pytest.mark.parametrize("arguments", [["--mute"], ["dogs"], ["dogs", "--delete", "--mute"], ["dogs", "--story"]])
def test_half_a_correction_is_wrong_usage(run, arguments):
    assert run(*arguments).exit_code == 2


def test_an_interest_that_there_is_none_of_is_refused_in_words(run):
    refused = run("flying_carpets", "--mute")
    assert refused.exit_code == 1
    assert "there is no interest 'flying_carpets'" in refused.output + (refused.stderr or "")
