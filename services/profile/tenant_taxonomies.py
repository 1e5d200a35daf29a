"""The taxonomy as each tenant has it: what a picture says, and how it is called, with the tenant's overlay laid over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nungil.pictures.boxes import Box
from nungil.pictures.features import Features
from nungil.runtime.errors import Misconfigured
from nungil.taxonomy.overlay import Document, digest_of, overlaid, read_overlays
from nungil.taxonomy.taxonomy import Taxonomy
from services.profile.core import Finding
from services.profile.evidence import Reading


@dataclass(frozen=True)
class TenantTaxonomies:
    """shipped: of every tenant without an overlay. digests: of the overlays, by tenant."""

    shipped: Taxonomy
    own: Mapping[str, Taxonomy] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)

    def of(self, tenant: str) -> Taxonomy:
        """As this tenant has it."""
        return self.own.get(tenant, self.shipped)

    def digest(self, tenant: str) -> str:
        """Changes with the tenant's overlay; empty where there is none. What was read under another must be read again."""
        return self.digests.get(tenant, "")


@dataclass(frozen=True)
class Readings:
    """As `Reading`, by the taxonomy of the tenant whose picture it is."""

    taxonomies: TenantTaxonomies
    floor: float

    def __call__(self, features: Features, box: Box | None) -> Sequence[Finding]:
        """Raises InvalidBox."""
        return Reading(self.taxonomies.of(features.tenant), self.floor)(features, box)


def read_taxonomies(shipped: Taxonomy, folder: str) -> TenantTaxonomies:
    """folder: holds one <tenant>.yaml for each tenant with an overlay; empty: no tenant has one.

    Raises Misconfigured with every fault of every file.
    """
    return laid_over(shipped, read_overlays(Path(folder)) if folder else {})


def laid_over(shipped: Taxonomy, documents: Mapping[str, Document]) -> TenantTaxonomies:
    """documents: by tenant. Raises Misconfigured with every fault of every one."""
    own: dict[str, Taxonomy] = {}
    faults: list[str] = []
    for tenant, document in documents.items():
        try:
            own[tenant] = overlaid(shipped, document)
        except Misconfigured as error:
            faults.extend(f"{tenant}.yaml: {fault}" for fault in str(error).splitlines())
    if faults:
        raise Misconfigured("; ".join(faults))
    return TenantTaxonomies(shipped, own, {tenant: digest_of(document) for tenant, document in documents.items()})
