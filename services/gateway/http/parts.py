"""What the routes stand on, wired by the main and found on the application."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from starlette.requests import HTTPConnection

from nungil.runtime.clock import Clock
from services.gateway.config import GatewaySettings
from services.gateway.handlers.activity import NoteActivity
from services.gateway.handlers.callers import IdentifyCaller
from services.gateway.handlers.erasing import Leave
from services.gateway.handlers.exporting import Export
from services.gateway.handlers.health import ReportStatus
from services.gateway.handlers.items import FindItems
from services.gateway.handlers.lens import Lens
from services.gateway.handlers.links import OpenLinks
from services.gateway.handlers.once import AnswerOnce
from services.gateway.handlers.peers import Peers
from services.gateway.handlers.pictures import DeletePicture, FileNames, GivePicture, ShowPicture
from services.gateway.handlers.progress import FollowProgress
from services.gateway.handlers.search import Search


@dataclass(frozen=True)
class Parts:
    """Everything that a route may call."""

    settings: GatewaySettings
    clock: Clock
    peers: Peers
    identify: IdentifyCaller
    answer_once: AnswerOnce
    give_picture: GivePicture
    show_picture: ShowPicture
    delete_picture: DeletePicture
    file_names: FileNames
    find_items: FindItems
    open_links: OpenLinks
    search: Search
    lens: Lens
    note_activity: NoteActivity
    progress: FollowProgress
    status: ReportStatus
    leave: Leave
    export: Export


def parts_of(connection: HTTPConnection) -> Parts:
    """The parts of the application that answers this request."""
    return cast(Parts, connection.app.state.parts)
