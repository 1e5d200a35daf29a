"""`nungil profile`: a person's interests, read and corrected, and the story of their gallery."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import click
from rich.table import Table

from nungil.cli import show
from nungil.cli.api import Json
from nungil.cli.commands import Target, print_json, speaks_with_a_system

_NAMED = 1000  # of the newest pictures the file names are shown


@click.command()
@click.argument("interest", required=False)
@click.option("--user", help="The tenant's own id of the person [the key's person].")
@click.option("--story", is_flag=True, help="Show what the pictures tell by season instead.")
@click.option("--rename", metavar="NAME", help="Call INTEREST so; an empty name gives the usual one back.")
@click.option("--mute/--unmute", default=None, help="Do not use INTEREST, whatever the pictures say.")
@click.option("--pin/--unpin", default=None, help="Keep INTEREST at the top.")
@click.option("--follow/--unfollow", default=None, help="Want INTEREST, whatever the pictures say.")
@click.option("--delete", is_flag=True, help="Forget what was learnt of INTEREST until now.")
@speaks_with_a_system
def profile(
    interest: str | None,
    user: str | None,
    story: bool,
    rename: str | None,
    mute: bool | None,
    pin: bool | None,
    follow: bool | None,
    delete: bool,
    data: Path | None,
    url: str | None,
    key: str | None,
    as_json: bool,
) -> None:
    """Show a person's interests and the pictures that say so, or correct INTEREST, an id such as `dogs`."""
    named = {"own_name": rename, "muted": mute, "pinned": pin, "followed": follow}
    change = {name: said for name, said in named.items() if said is not None}
    if interest is None and (change or delete):
        raise click.UsageError("say which interest is meant: nungil profile INTEREST --mute")
    if interest is not None and (story or bool(change) == delete):
        raise click.UsageError(
            "say what is to be done with INTEREST: --rename, --mute, --pin, --follow, or --delete alone"
        )
    with Target(data, url, key).open() as (api, _):
        if interest is not None:
            corrected = api.correct_interest(interest, None if delete else change, user)
            _tell_correction(interest, corrected, as_json=as_json)
        elif story:
            (print_json if as_json else show_story)(api.story(user))
        elif as_json:
            print_json(interests_document(api.interests(user)))
        else:
            answer = api.interests(user)
            mine = islice(api.each_media(purpose="personal"), _NAMED) if user is None else ()
            show.interests(
                answer, files={media["media_id"]: media["file_name"] for media in mine if media["file_name"]}
            )


def interests_document(answer: Json) -> Json:
    """What `nungil profile --json` prints."""
    return {
        "interests": [
            {
                **{name: interest[name] for name in ("id", "name", "weight")},
                "evidence": [{"media_id": e["media_id"], "why": e["why"]} for e in interest["evidence"]],
            }
            for interest in answer["interests"]
        ]
    }


def show_story(story: Json) -> None:
    """A line a season, newest first."""
    console = show.screen()
    if story["missing_consents"]:
        console.print(f"there is no story without these consents: {', '.join(story['missing_consents'])}")
        return
    table = Table("season", "pictures", "what they show", box=None, pad_edge=False)
    for year in story["years"]:
        for season in year["seasons"]:
            sentence = season["sentence"]
            table.add_row(
                f"{year['year']} {season['season']}", str(season["pictures"]), f"{sentence['en']}\n{sentence['ko']}"
            )
    console.print(table)
    console.print(f"{story['undated']} pictures have no date, {story['pending']} are not read yet")


def _tell_correction(interest: str, corrected: Json | None, *, as_json: bool) -> None:
    if as_json:
        print_json(corrected or {"deleted": interest})
    elif corrected is None:
        click.echo(f"{interest}: what was learnt is forgotten")
    else:
        said = [word for word in ("followed", "muted", "pinned") if corrected[word]]
        name = f" is called {corrected['own_name']}" if corrected["own_name"] else ""
        click.echo(f"{interest}{name}: {', '.join(said) or 'nothing else is said of it'}")
