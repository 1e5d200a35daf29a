"""Profile: people, their consents, and the interests that follow from what they do.

Reads user.activity, media.embedded, media.changed, item.changed, watch.matched and the feature objects. Writes its own database and,
through its outbox, user.activity{uploaded, saved, unsaved} and watch.changed. It alone keeps the link between a tenant's name for a person and the person_id.
"""
