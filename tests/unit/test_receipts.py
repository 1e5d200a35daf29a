"""Receipts: who signed them, and that nobody changed them since."""

from __future__ import annotations

import pytest

from nungil import receipts
from nungil.runtime.errors import Misconfigured

DOCUMENT = {"person_id": "p-1", "stores": [{"service": "embed", "count": 3}], "note": "지움"}


def test_a_receipt_is_signed_by_its_key_whatever_the_order_of_its_parts() -> None:
    key = receipts.new_key()
    signed = receipts.signed(DOCUMENT, key)
    assert receipts.verify(dict(reversed(signed.items())), receipts.public_key_of(key)) == receipts.public_key_of(key)
    assert receipts.signed(DOCUMENT, key) == signed


@pytest.mark.parametrize(
    "change",
    [
        {"person_id": "p-2"},
        {"stores": [{"service": "embed", "count": 4}]},
        {"more": 1},
        {"signature": "AAAA"},
        {"signature": "no base64"},
        {"public_key": receipts.public_key_of(receipts.new_key())},
    ],
)
def test_a_receipt_that_was_changed_is_false(change: dict[str, object]) -> None:
    signed = receipts.signed(DOCUMENT, receipts.new_key())
    with pytest.raises(receipts.FalseReceipt):
        receipts.verify(signed | change)


def test_a_receipt_of_another_key_is_false() -> None:
    signed = receipts.signed(DOCUMENT, receipts.new_key())
    with pytest.raises(receipts.FalseReceipt, match="names the key"):
        receipts.verify(signed, receipts.public_key_of(receipts.new_key()))


def test_one_that_was_never_signed_is_false() -> None:
    with pytest.raises(receipts.FalseReceipt, match="no signed receipt"):
        receipts.verify(DOCUMENT)


def test_what_is_no_private_key_is_misconfigured() -> None:
    for wrong in ("", "short", "AAAA"):
        with pytest.raises(Misconfigured):
            receipts.public_key_of(wrong)


def test_the_signature_is_that_of_rfc_8032() -> None:
    """Its first test key, so that any other program gives the same public key."""
    seed = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="
    assert receipts.public_key_of(seed) == "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
