"""What learns from pictures, wired from settings: for the service, and for a rebuild beside it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event

from sqlalchemy import Engine

from nungil.database.migrations import check_current
from nungil.database.open import open_database
from nungil.encoder.open import space_of
from nungil.object_store.open import open_object_store
from nungil.runtime.clock import now_ms
from nungil.taxonomy.taxonomy import load_taxonomy
from services.profile.config import ProfileSettings
from services.profile.core import Rules
from services.profile.journal import FeatureObjects, Journal
from services.profile.rules import rules_of
from services.profile.segmenting import Segments
from services.profile.tenant_taxonomies import Readings, TenantTaxonomies, read_taxonomies


@dataclass(frozen=True)
class Learning:
    """journal: without followers; segments read states by it."""

    engine: Engine
    taxonomies: TenantTaxonomies
    rules: Rules
    features: FeatureObjects
    journal: Journal
    segments: Segments


@contextmanager
def open_learning(settings: ProfileSettings) -> Iterator[Learning]:
    """On the settings' database and objects. Raises Misconfigured where the database is not at the newest schema."""
    taxonomies, rules = read_taxonomies(load_taxonomy(), settings.taxonomy_overlays), rules_of(settings)
    with (
        open_object_store(settings.object_store_url, read_only=True) as objects,
        open_database(settings.database_url) as engine,
    ):
        check_current("profile", engine)
        features = FeatureObjects(objects, space_of(settings.encoder_url).name)
        reading = Readings(taxonomies, settings.interest_floor)
        journal = Journal(engine, features, reading, rules, now_ms, digest=taxonomies.digest)
        yield Learning(engine, taxonomies, rules, features, journal, Segments(journal, taxonomies.of, now_ms, Event()))
