"""The rules of interests that settings ask for."""

from __future__ import annotations

from nungil.encoder.open import space_of
from services.profile.config import ProfileSettings, gains_by_kind
from services.profile.core import DAY_MS, Rules


def rules_of(settings: ProfileSettings) -> Rules:
    """Everything that folds under these settings folds under these rules."""
    return Rules(
        gains_by_kind(settings.activity_gains),
        settings.half_life_days * DAY_MS,
        space_of(settings.encoder_url).name,
        settings.cluster_likeness,
    )
