"""One machine: what `nungil up` starts, what the command does with it, and how it ends."""

from __future__ import annotations

import signal
from ipaddress import ip_address
from pathlib import Path

import pytest
from local_system import (
    PROGRAMS,
    LocalSystem,
    a_system,
    document,
    is_running,
    paint,
    processes_under,
    run_nungil,
    start,
    wait_until,
)

pytestmark = [pytest.mark.system]

GREEN, RED, WHITE = (60, 140, 70), (210, 40, 40), (250, 250, 250)


def test_the_only_tcp_listeners_are_the_gateway_and_the_index_on_this_machine(system: LocalSystem) -> None:
    listening = tcp_listeners(processes_under(system.process.pid))
    ports = {int(url.rpartition(":")[2]) for url in (system.runtime.url, system.runtime.vector_index_url)}
    assert listening == {("127.0.0.1", port) for port in ports}


def test_pictures_go_in_and_are_found_again(system: LocalSystem, tmp_path: Path) -> None:
    paint(tmp_path / "mountains", 3, [GREEN], seed=1)
    paint(tmp_path / "cars", 3, [RED], seed=2)
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    (tmp_path / "notes.txt").write_text("left out")
    done = system.nungil("import", str(tmp_path), "--json")
    assert done.returncode == 1  # one was rejected
    report = document(done)
    assert (report["accepted"], report["duplicate"], report["searchable"]) == (6, 0, 6)
    [rejected] = report["rejected"]
    assert rejected["file"] == "broken.jpg"
    assert rejected["reason"]

    found = document(system.nungil("search", str(tmp_path / "cars" / "0000.jpg"), "--limit", "3", "--json"))
    assert {hit["file"] for hit in found["hits"]} == {"0000.jpg", "0001.jpg", "0002.jpg"}
    assert found["hits"][0]["item"] is None


def test_importing_again_adds_nothing(system: LocalSystem, tmp_path: Path) -> None:
    paint(tmp_path, 4, [GREEN], seed=11)
    first = document(system.nungil("import", str(tmp_path), "--json"))
    again = document(system.nungil("import", str(tmp_path), "--json"))
    assert (first["accepted"], first["duplicate"]) == (4, 0)
    assert (again["accepted"], again["duplicate"], again["searchable"]) == (0, 4, 4)


def test_a_feed_is_imported_and_its_wrong_rows_are_named_by_line(system: LocalSystem, tmp_path: Path) -> None:
    paint(tmp_path, 2, [WHITE, GREEN], seed=21)
    (tmp_path / "items.csv").write_text(
        "id,image,title_en,title_ko,brand,category,shop,url,market,currency,price,in_stock\n"
        'mug,0000.jpg,"White mug, large",하얀 머그,,cup,Shop,https://s.example,KR,KRW,9900,yes\n'
        "mug,0000.jpg,White mug,하얀 머그,,cup,Far,https://f.example,US,USD,9.90,no\n"
        "gone,absent.jpg,Gone,없음,,cup,Shop,https://s.example,KR,KRW,9900,yes\n"
        "odd,0001.jpg,Odd,이상,,cup,Shop,https://s.example,KR,XXX,9900,yes\n"
        "minus,0001.jpg,Minus,음수,,cup,Shop,https://s.example,KR,KRW,-1,yes\n"
        "none,,None,없음,,cup,Shop,https://s.example,KR,KRW,1,yes\n"
        "plant,0001.jpg,Plant,식물,,plant,Shop,https://s.example,KR,KRW,5000,no\n",
        encoding="utf-8",
    )
    done = system.nungil("import", "--items", str(tmp_path / "items.csv"), "--json")
    assert done.returncode == 1
    report = document(done)
    assert report["accepted"] == 3
    assert report["searchable"] == 2
    reasons = {row["file"]: row["reason"] for row in report["rejected"]}
    assert reasons.keys() == {"items.csv:4", "items.csv:5", "items.csv:6", "items.csv:7"}
    assert "absent.jpg: there is no such file" in reasons["items.csv:4"]
    assert "XXX" in reasons["items.csv:5"]
    assert "-1" in reasons["items.csv:6"]
    assert "image" in reasons["items.csv:7"]

    photo = str(tmp_path / "0000.jpg")
    anywhere = document(system.nungil("search", photo, "--json"))
    [mug] = [hit["item"] for hit in anywhere["hits"] if hit["item"] and hit["item"]["id"] == "mug"]
    assert {offer["market"] for offer in mug["offers"]} == {"KR", "US"}
    korea = document(system.nungil("search", photo, "--market", "KR", "--in-stock", "--json"))
    assert [hit["item"]["id"] for hit in korea["hits"]] == ["mug"]
    assert {offer["market"] for offer in korea["hits"][0]["item"]["offers"]} == {"KR"}

    again = document(system.nungil("import", "--items", str(tmp_path / "items.csv"), "--json"))
    assert (again["accepted"], again["duplicate"]) == (3, 2)


def test_a_feed_of_google_is_imported_with_the_files_that_lie_beside_its_addresses(
    system: LocalSystem, tmp_path: Path
) -> None:
    paint(tmp_path, 1, [RED], seed=22)
    columns = ("id", "title", "link", "image_link", "availability", "price", "condition")
    known = (
        "vase",
        "빨간 꽃병",
        "https://m.example/vase",
        "https://cdn.example/vase.jpg",
        "in_stock",
        "30000 KRW",
        "new",
    )
    unknown = ("bowl", "bowl", "https://m.example/bowl", "https://cdn.example/bowl.jpg", "in_stock", "9000 KRW", "new")
    feed = tmp_path / "products.tsv"
    feed.write_text("".join("\t".join(row) + "\n" for row in (columns, known, unknown)), encoding="utf-8")
    (tmp_path / "images.csv").write_text("url,file\nhttps://cdn.example/vase.jpg,0000.jpg\n")
    terms = ("--format", "google", "--shop", "Maru", "--market", "KR", "--images", str(tmp_path / "images.csv"))

    assert system.nungil("import", "--items", str(feed)).returncode == 1  # its name does not say the format
    report = document(system.nungil("import", "--items", str(feed), *terms, "--json"))
    assert (report["accepted"], report["searchable"]) == (1, 1)
    [rejected] = report["rejected"]
    assert rejected["file"] == "products.tsv:3"
    assert "https://cdn.example/bowl.jpg" in rejected["reason"]

    def vases() -> list[dict[str, object]]:
        found = document(system.nungil("search", str(tmp_path / "0000.jpg"), "--market", "KR", "--json"))
        return [hit["item"]["offers"] for hit in found["hits"] if hit["item"]["id"] == "vase"]

    wait_until(vases, 30)
    [[offer]] = vases()
    assert (offer["shop"], offer["price_minor"], offer["condition"]) == ("Maru", 30000, "new")


def test_interests_follow_from_pictures_with_their_evidence(system: LocalSystem, tmp_path: Path) -> None:
    paint(tmp_path, 3, [WHITE], seed=31)
    assert system.nungil("import", str(tmp_path)).returncode == 0

    def coffee() -> list[dict[str, object]]:
        interests = document(system.nungil("profile", "--json"))["interests"]
        return [interest for interest in interests if interest["id"] == "coffee" and len(interest["evidence"]) >= 3]

    wait_until(coffee, 30)
    [interest] = coffee()
    assert interest["name"] == {"ko": "커피", "en": "coffee"}
    assert interest["weight"] > 0  # type: ignore[operator]
    assert all(evidence["media_id"] and evidence["why"] for evidence in interest["evidence"])  # type: ignore[attr-defined]


def test_a_box_outside_the_picture_is_refused_with_the_accepted_range(system: LocalSystem, tmp_path: Path) -> None:
    [photo] = paint(tmp_path, 1, [RED], seed=41)
    done = system.nungil("search", str(photo), "--box", "1.5,0,0.2,0.2")
    assert done.returncode == 1
    assert "0" in done.stderr
    assert "1" in done.stderr
    assert system.nungil("search", str(photo), "--box", "left").returncode == 2


def test_status_shows_every_service_and_the_index(system: LocalSystem) -> None:
    done = system.nungil("status", "--json")
    assert done.returncode == 0
    status = document(done)
    assert status["services"].keys() == set(PROGRAMS) - {"milvus-lite"}
    assert status["index"]["encoder_space"].startswith("tiny-64")


def test_a_second_system_on_the_same_folder_is_refused(system: LocalSystem) -> None:
    done = run_nungil("up", "--data", str(system.folder.root), "--port", "0")
    assert done.returncode == 1
    assert system.runtime.url in done.stderr


def test_without_a_system_a_command_says_how_to_start_one(tmp_path: Path) -> None:
    done = run_nungil("status", "--data", str(tmp_path))
    assert done.returncode == 3
    assert "nungil up" in done.stderr


def test_a_second_start_goes_on_from_what_is_there_and_ctrl_c_leaves_nothing(tmp_path: Path) -> None:
    data = tmp_path / "data"
    pictures = tmp_path / "pictures"
    paint(pictures, 3, [RED], seed=51)
    with a_system(data) as first:
        key = first.folder.key()
        assert f"{first.runtime.url}/?key={key}" in first.said()
        assert "learning interests from your pictures is on" in first.said()
        assert document(first.nungil("import", str(pictures), "--json"))["searchable"] == 3
        pids = processes_under(first.process.pid)
        assert first.stop() == 0
    assert [pid for pid in pids if is_running(pid)] == []
    stopped = [line.split()[1] for line in first.said().splitlines() if line.endswith(" stopped")]
    assert stopped == list(reversed(PROGRAMS))
    assert not (data / "runtime.json").exists()
    with a_system(data) as second:
        assert second.folder.key() == key
        assert "learning interests" not in second.said()
        found = document(second.nungil("search", str(pictures / "0000.jpg"), "--json"))
        assert {hit["file"] for hit in found["hits"]} == {"0000.jpg", "0001.jpg", "0002.jpg"}
        again = document(second.nungil("import", str(pictures), "--json"))
        assert (again["accepted"], again["duplicate"], again["searchable"]) == (0, 3, 3)


def test_nothing_outlives_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    system = start(tmp_path / "data")
    system.wait_until_ready()
    pids = processes_under(system.process.pid)
    system.process.send_signal(signal.SIGKILL)
    system.process.wait()
    wait_until(lambda: not any(map(is_running, pids)), 10, lambda: pids)


def tcp_listeners(pids: list[int]) -> set[tuple[str, int]]:
    """(address, port) of every TCP socket on which one of the processes listens."""
    inodes = set()
    for pid in pids:
        for entry in Path(f"/proc/{pid}/fd").glob("*"):
            try:
                target = str(entry.readlink())
            except FileNotFoundError:
                continue
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state, *rest = line.split()
            if state == "0A" and rest[5] in inodes:
                address, port = local.split(":")
                words = [int(address[at : at + 8], 16).to_bytes(4, "little") for at in range(0, len(address), 8)]
                ip = ip_address(b"".join(words))
                found.add((str(getattr(ip, "ipv4_mapped", None) or ip), int(port, 16)))
    return found
