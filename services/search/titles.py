"""Items by the words of their titles, brands, categories and other names: the same answers on SQLite and PostgreSQL.

Three tables: what each item says, which items say a word, and the pieces of each word. A word that is asked for is looked up
by its pieces in the dictionary of words, compared exactly there, and only then leads to items: a shop of 100,000 items has some
ten thousand words. The caller brings the transaction; every statement names the tenant.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from sqlalchemy import Connection, RowMapping, Table, and_, delete, func, insert, select

from nungil.database.open import hold
from services.search.core import ItemRow
from services.search.store import ITEM_MEDIA, ITEMS, TITLE_WORDS, TITLES, WORD_GRAMS, portions
from services.search.words.grams import EXACT, SLIP, Lookup, grams, lookup, quality
from services.search.words.normal import is_initials, words_of
from services.search.words.particles import stems

AT_MOST = 10_000
_MIN_STEM = 2  # letters: what a particle leaves of an unknown word
_MAX_WORD = 64  # letters of a word that is kept or asked for; what is longer is no word
_BATCH = 500
_SAYING = 500


def keep(connection: Connection, items: Collection[ItemRow]) -> None:
    """Brings what is known of these items' words up to date. An item that says what it said costs one look.

    Holds the words of a tenant where new ones come: hold nothing after it that is held before it elsewhere.
    """
    by_tenant: dict[str, dict[str, str]] = defaultdict(dict)
    for item in items:
        by_tenant[item.tenant][item.item_id] = text_of(item)
    for tenant, texts in sorted(by_tenant.items()):
        known = _texts(connection, tenant, list(texts))
        changed = {item_id: text for item_id, text in texts.items() if known.get(item_id) != text}
        forget(connection, tenant, [item_id for item_id in changed if item_id in known])
        if changed:
            words = {item_id: _words(text) for item_id, text in changed.items()}
            _learn(connection, tenant, set().union(*words.values()))
            _insert(connection, TITLES, ({"tenant": tenant, "item_id": i, "text": t} for i, t in changed.items()))
            pairs = ({"tenant": tenant, "item_id": i, "word": word} for i in words for word in sorted(words[i]))
            _insert(connection, TITLE_WORDS, pairs)


def forget(connection: Connection, tenant: str, item_ids: Sequence[str]) -> None:
    """Removes what is known of these items; of those not there is no error. The dictionary keeps its words: they lead nowhere."""
    for some in portions(item_ids):
        for table in (TITLE_WORDS, TITLES):
            connection.execute(delete(table).where(table.c.tenant == tenant, table.c.item_id.in_(some)))


def fill(connection: Connection) -> int:
    """Reads a portion of the items that were there before their words were; how many. 0: there are no more."""
    unread = (
        select(ITEMS)
        .outerjoin(TITLES, and_(TITLES.c.tenant == ITEMS.c.tenant, TITLES.c.item_id == ITEMS.c.item_id))
        .where(TITLES.c.item_id.is_(None))
        .order_by(ITEMS.c.tenant, ITEMS.c.item_id)
        .limit(_BATCH)
    )
    seen = connection.execute(unread).mappings().all()
    hold(connection, *(f"item/{row['tenant']}/{row['item_id']}" for row in seen))
    rows = connection.execute(unread).mappings().all() if seen else []  # some may have been changed until we held them
    held = {(row["tenant"], row["item_id"]) for row in seen}
    items = [_item(row) for row in rows if (row["tenant"], row["item_id"]) in held]
    keep(connection, items)
    return len(seen)


def text_of(item: ItemRow) -> str:
    """What can be read of an item: a line a field, normal words parted by spaces."""
    fields = (item.title_ko, item.title_en, item.brand, item.category, *item.aliases)
    lines = (" ".join(words_of(field)) for field in fields)
    return "\n".join(dict.fromkeys(line for line in lines if line))


def matching(
    connection: Connection, tenant: str, words: Sequence[str], at_most: int = AT_MOST, *, every: bool = False
) -> list[str]:
    """The items that have the most of these words, best first; empty where none has any. every: only those that have all.

    Those that fit better come first (the word itself, its beginning, within a longer one, first consonants, a slip), then the
    newest. words: as `normal.words_of` gives them, with their particles.
    """
    scores: dict[str, tuple[int, float]] = {}
    asked = dict.fromkeys(word[:_MAX_WORD] for word in words)
    for word in asked:
        for item_id, fit in _items_with(connection, tenant, word).items():
            had, fits = scores.get(item_id, (0, 0.0))
            scores[item_id] = (had + 1, fits + fit)
    most = len(asked) if every else max((had for had, _ in scores.values()), default=0)
    best = {item_id: fits for item_id, (had, fits) in scores.items() if had == most}
    came = _came(connection, tenant, list(best))
    return sorted(came, key=lambda id_: (-best[id_], -came[id_], id_))[:at_most]


def words_saying(connection: Connection, tenant: str, asked: str) -> tuple[str, ...]:
    """The words of titles that have this word in them, or its first consonants; the best first, at most 500."""
    fits = {word: quality(asked, word) for word in _candidates(connection, tenant, lookup(asked))}
    said = [word for word, fit in fits.items() if fit > SLIP]
    return tuple(sorted(said, key=lambda word: (-fits[word], word))[:_SAYING])


def newest(connection: Connection, tenant: str, item_ids: Sequence[str]) -> list[str]:
    """Those that are there, the one that came last first."""
    came = _came(connection, tenant, item_ids)
    return sorted(came, key=lambda id_: (-came[id_], id_))


def first_pictures(connection: Connection, tenant: str, pictures: Mapping[str, Collection[str]]) -> dict[str, str]:
    """Of each item the one of these pictures that it shows first. pictures: item id -> media ids."""
    first: dict[str, str] = {}
    for some in portions(list(pictures)):
        rows = connection.execute(
            select(ITEM_MEDIA.c.item_id, ITEM_MEDIA.c.media_id)
            .where(ITEM_MEDIA.c.tenant == tenant, ITEM_MEDIA.c.item_id.in_(some))
            .order_by(ITEM_MEDIA.c.position)
        )
        for item_id, media_id in rows:
            if media_id in pictures[item_id]:
                first.setdefault(item_id, media_id)
    return first


def _items_with(connection: Connection, tenant: str, word: str) -> Mapping[str, float]:
    """Item id -> how well it says a word: as it is typed, or with spaces, or without its particle; else with a slip."""
    forms = (word, *(stem for stem in stems(word) if len(stem) >= _MIN_STEM))
    slips: dict[str, float] = {}
    for form in forms:
        fits = {each: quality(form, each) for each in _candidates(connection, tenant, lookup(form))}
        said = {each: fit for each, fit in fits.items() if fit > SLIP}
        found = _saying(connection, tenant, said) or _saying_apart(connection, tenant, form)
        if found:
            return found
        slips |= {each: fit for each, fit in fits.items() if fit}
    return _saying(connection, tenant, slips)


def _saying(connection: Connection, tenant: str, fits: Mapping[str, float]) -> Mapping[str, float]:
    """Item id -> the fit of its best word."""
    found: dict[str, float] = {}
    for some in portions(list(fits)):
        rows = connection.execute(
            select(TITLE_WORDS.c.item_id, TITLE_WORDS.c.word).where(
                TITLE_WORDS.c.tenant == tenant, TITLE_WORDS.c.word.in_(some)
            )
        )
        for item_id, word in rows:
            found[item_id] = max(fits[word], found.get(item_id, 0.0))
    return found


def _saying_apart(connection: Connection, tenant: str, asked: str) -> Mapping[str, float]:
    """Items that say it with spaces: "골든딜리셔스" of "골든 딜리셔스". They have a word that it begins with, and one that ends it."""
    if is_initials(asked) or len(asked) < 2:
        return {}
    begin, end = [asked[:n] for n in range(1, len(asked))], [asked[n:] for n in range(1, len(asked))]
    said = TITLE_WORDS.c.item_id
    mine = TITLE_WORDS.c.tenant == tenant
    both = select(said).where(mine, TITLE_WORDS.c.word.in_(begin))
    rows = connection.execute(both.intersect(select(said).where(mine, TITLE_WORDS.c.word.in_(end))))
    texts = _texts(connection, tenant, list(rows.scalars()))
    return {item_id: EXACT for item_id, text in texts.items() if asked in text.replace(" ", "")}


def _candidates(connection: Connection, tenant: str, wanted: Lookup) -> Sequence[str]:
    rows = connection.execute(
        select(WORD_GRAMS.c.word)
        .where(WORD_GRAMS.c.tenant == tenant, WORD_GRAMS.c.gram.in_(sorted(wanted.pieces)))
        .group_by(WORD_GRAMS.c.word)
        .having(func.count() >= wanted.at_least)
    )
    return rows.scalars().all()


def _learn(connection: Connection, tenant: str, words: Collection[str]) -> None:
    """Puts into the dictionary those that are not there."""
    new = set(words) - _in_dictionary(connection, tenant, words)
    if new:
        hold(connection, f"words/{tenant}")  # two that learn the same word at once
        new -= _in_dictionary(connection, tenant, new)
        pieces = ({"tenant": tenant, "gram": g, "word": word} for word in sorted(new) for g in sorted(grams(word)))
        _insert(connection, WORD_GRAMS, pieces)


def _in_dictionary(connection: Connection, tenant: str, words: Collection[str]) -> set[str]:
    known: set[str] = set()
    for some in portions(sorted(words)):
        rows = connection.execute(
            select(WORD_GRAMS.c.word).where(
                WORD_GRAMS.c.tenant == tenant,
                WORD_GRAMS.c.gram.in_(sorted({word[0] for word in some})),
                WORD_GRAMS.c.word.in_(some),
            )
        )
        known.update(rows.scalars())
    return known


def _item(row: RowMapping) -> ItemRow:
    return ItemRow(**{**row, "media_ids": (), "offers": (), "aliases": tuple(row["aliases"] or ())})


def _words(text: str) -> set[str]:
    return {word[:_MAX_WORD] for word in text.split()}


def _texts(connection: Connection, tenant: str, item_ids: Sequence[str]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for some in portions(item_ids):
        rows = connection.execute(
            select(TITLES.c.item_id, TITLES.c.text).where(TITLES.c.tenant == tenant, TITLES.c.item_id.in_(some))
        )
        texts.update((item_id, text) for item_id, text in rows)
    return texts


def _came(connection: Connection, tenant: str, item_ids: Sequence[str]) -> dict[str, int]:
    came: dict[str, int] = {}
    for some in portions(item_ids):
        rows = connection.execute(
            select(ITEMS.c.item_id, ITEMS.c.created_at_ms).where(ITEMS.c.tenant == tenant, ITEMS.c.item_id.in_(some))
        )
        came.update((item_id, created_at_ms) for item_id, created_at_ms in rows)
    return came


def _insert(connection: Connection, table: Table, rows: Iterable[Mapping[str, str]]) -> None:
    values = list(rows)
    if values:
        connection.execute(insert(table), values)
