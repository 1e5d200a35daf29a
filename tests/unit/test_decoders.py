"""What breaks a decoder costs that picture alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from picture_builders import a_large_picture, a_picture, an_animation

from nungil.pictures.cleaning import Wanted, clean
from nungil.pictures.decode import decode_at_least, decode_upright
from nungil.pictures.decoders import Decoders, Limits, open_decoders
from nungil.pictures.errors import (
    DecoderAway,
    DecoderBug,
    MisnamedPicture,
    TooManyFrames,
    UndecodablePicture,
    UnsupportedPicture,
)

TIGHT = Limits(memory_bytes=256_000_000, cpu_s=1, wall_s=20)
TEST_JOBS = "decoder_test_jobs:JOBS"
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux holds to this limit")


@pytest.fixture(scope="module")
def decoders() -> Iterator[Decoders]:
    with open_decoders(2) as decoders:
        yield decoders


@pytest.fixture
def one() -> Iterator[Decoders]:
    """One process, which can be asked for the jobs of decoder_test_jobs."""
    with closing(Decoders(1, TIGHT, jobs=TEST_JOBS)) as one:
        yield one


def pid_of(one: Decoders, after_s: float = 0) -> int:
    head, [data] = one.ask("pid", b"abc", {"after_s": after_s})
    assert data == b"abc"
    return int(head["pid"])


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return b") Z " not in Path(f"/proc/{pid}/stat").read_bytes() if Path("/proc").exists() else True
    except (ProcessLookupError, FileNotFoundError):
        return False


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "HEIF"])
def test_a_picture_is_cleaned_as_it_would_be_in_this_process(decoders: Decoders, format_: str) -> None:
    data = a_picture(900, 500, format_=format_, private=True, orientation=6, taken_on="2026-03-04")
    for wanted in (Wanted(taken_on=True), Wanted(original=False)):
        assert decoders.clean(data, wanted) == clean(data, wanted)
    np.testing.assert_array_equal(decoders.upright(data), decode_upright(data))
    (pixels, size), (expected, expected_size) = decoders.at_least(data, 20), decode_at_least(data, 20)
    np.testing.assert_array_equal(pixels, expected)
    assert size == expected_size


@pytest.mark.parametrize(
    ("data", "name", "error"),
    [
        (b"%PDF-1.7", "", UnsupportedPicture),
        (an_animation(3), "", TooManyFrames),
        (a_picture()[:400], "", UndecodablePicture),
        (a_picture(), "a.png", MisnamedPicture),
    ],
)
def test_a_rejection_is_the_same_error_with_the_same_words(
    decoders: Decoders, data: bytes, name: str, error: type[Exception]
) -> None:
    with pytest.raises(error) as here:
        clean(data, Wanted(name))
    with pytest.raises(error) as there:
        decoders.clean(data, Wanted(name))
    assert str(there.value) == str(here.value)
    assert there.value.slug == here.value.slug  # type: ignore[attr-defined]


def test_many_threads_share_few_processes() -> None:
    with closing(Decoders(2, jobs=TEST_JOBS)) as two, ThreadPoolExecutor(8) as threads:
        pids = set(threads.map(lambda _: pid_of(two, after_s=0.01), range(40)))
    assert 1 <= len(pids) <= 2
    assert not any(map(is_alive, pids))


def test_a_process_is_kept_for_the_next_picture(one: Decoders) -> None:
    assert pid_of(one) == pid_of(one)


@pytest.mark.parametrize("of", ["SIGKILL", "SIGSEGV", "SIGABRT"])
def test_a_picture_that_kills_the_decoder_is_rejected_and_the_next_one_works(one: Decoders, of: str) -> None:
    before = pid_of(one)
    with pytest.raises(UndecodablePicture, match=f"killed the decoder: it died of {of}"):
        one.ask("die", b"", {"of": of})
    assert pid_of(one) != before
    assert not is_alive(before)


def test_a_decoder_that_leaves_is_as_one_that_died(one: Decoders) -> None:
    with pytest.raises(UndecodablePicture, match="killed the decoder: it ended with exit code 3"):
        one.ask("leave", b"", {})
    assert pid_of(one)


def test_a_process_that_somebody_killed_costs_no_picture(one: Decoders) -> None:
    before = pid_of(one)
    with ThreadPoolExecutor(1) as threads:
        asked = threads.submit(pid_of, one, after_s=0.5)
        threading.Event().wait(0.2)
        os.kill(before, signal.SIGKILL)
        after = asked.result(timeout=30)
    assert after != before
    os.kill(after, signal.SIGKILL)  # and while it is idle
    assert pid_of(one) != after


def test_a_stop_signal_to_the_whole_group_is_the_parents_to_obey(one: Decoders) -> None:
    pid = pid_of(one)
    for number in (signal.SIGTERM, signal.SIGINT):
        os.kill(pid, number)
    assert pid_of(one) == pid


def test_a_picture_that_computes_for_ever_is_rejected_and_the_next_one_works(one: Decoders) -> None:
    with pytest.raises(UndecodablePicture, match="killed the decoder: it took more than 1 s of processor time"):
        one.ask("loop", b"", {})
    assert pid_of(one)


def test_a_picture_that_waits_for_ever_is_rejected_and_the_next_one_works() -> None:
    with closing(Decoders(1, Limits(wall_s=1), jobs=TEST_JOBS)) as one:
        before = pid_of(one)
        with pytest.raises(UndecodablePicture, match="killed the decoder: it took more than 1 s"):
            one.ask("wait", b"", {})
        assert not is_alive(before)
        assert pid_of(one)


def test_the_time_limit_is_each_pictures_own() -> None:
    with closing(Decoders(1, Limits(wall_s=1), jobs=TEST_JOBS)) as short:
        assert len({pid_of(short, after_s=0.4) for _ in range(5)}) == 1


@linux
def test_what_needs_too_much_memory_is_rejected_and_the_next_one_works(one: Decoders) -> None:
    before = pid_of(one)
    with pytest.raises(UndecodablePicture, match="killed the decoder: it needs more than 256 MB of memory"):
        one.ask("hoard", b"", {"bytes": 300_000_000})
    assert pid_of(one) != before


@linux
def test_a_real_picture_of_48_megapixels_does_not_fit_a_small_limit() -> None:
    big = a_large_picture()
    with open_decoders(1, TIGHT) as small:
        with pytest.raises(UndecodablePicture, match="killed the decoder: it needs more than 256 MB of memory"):
            small.clean(big, Wanted())
        assert small.clean(a_picture(), Wanted()) == clean(a_picture(), Wanted())


def test_a_decoder_opens_no_file_and_no_connection(one: Decoders) -> None:
    tried, _ = one.ask("reach out", b"", {})
    assert tried == dict.fromkeys(("read", "write", "connect", "pipe"), "EMFILE") | {"files": 3}


def test_a_decoder_knows_no_secret_of_its_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUNGIL_DATABASE_URL", "postgresql://nungil:secret@db/nungil")
    with closing(Decoders(1, jobs=TEST_JOBS)) as one:
        head, _ = one.ask("pid", b"", {})
    assert not [name for name in head["environment"] if name.startswith("NUNGIL")]


def test_what_a_decoder_babbles_is_not_believed(one: Decoders) -> None:
    with pytest.raises(UndecodablePicture, match="killed the decoder"):
        one.ask("babble", b"", {})
    assert pid_of(one)


def test_a_mistake_of_ours_is_not_the_pictures(one: Decoders) -> None:
    before = pid_of(one)
    with pytest.raises(DecoderBug, match="ZeroDivisionError: division by zero"):
        one.ask("bug", b"", {})
    assert pid_of(one) == before


def test_a_decoder_that_does_not_start_is_not_the_pictures_fault() -> None:
    with closing(Decoders(1, jobs="no_such_module:JOBS")) as none:
        for _ in range(2):
            with pytest.raises(DecoderAway, match="did not start"):
                none.ask("pid", b"", {})


def test_decoders_end_with_their_parent_however_it_dies() -> None:
    program = (
        "from nungil.pictures.decoders import Decoders; import threading\n"
        f"one = Decoders(1, jobs={TEST_JOBS!r})\n"
        "print(one.ask('pid', b'', {})[0]['pid'], flush=True)\n"
        "threading.Event().wait()"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, env=environment)
    assert parent.stdout
    decoder = int(parent.stdout.readline())
    assert is_alive(decoder)
    parent.kill()
    parent.communicate()
    pause = threading.Event()
    for _ in range(200):
        if not is_alive(decoder):
            break
        pause.wait(0.05)
    assert not is_alive(decoder)
