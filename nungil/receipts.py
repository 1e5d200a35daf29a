"""Documents that say what was done, signed with Ed25519 (RFC 8032), so that anyone with the public key can check them.

What is signed is the document as JSON without `signature`: keys in order, no spaces, UTF-8. It names the key that signed it.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from nungil.runtime.errors import Misconfigured, Rejected

SIGNATURE, PUBLIC_KEY = "signature", "public_key"


class FalseReceipt(Rejected):
    """The receipt was not signed by this key, or was changed since."""


def new_key() -> str:
    """A private key: 32 bytes in base64."""
    return base64.b64encode(Ed25519PrivateKey.generate().private_bytes_raw()).decode()


def public_key_of(private_key: str) -> str:
    """32 bytes in base64. Raises Misconfigured for what is no private key."""
    return base64.b64encode(_private(private_key).public_key().public_bytes_raw()).decode()


def signed(document: Mapping[str, Any], private_key: str) -> dict[str, Any]:
    """The document with the key that signs it, and the signature. Raises Misconfigured for what is no private key."""
    named = {**document, PUBLIC_KEY: public_key_of(private_key)}
    signature = _private(private_key).sign(_bytes_of(named))
    return {**named, SIGNATURE: base64.b64encode(signature).decode()}


def verify(document: Mapping[str, Any], public_key: str | None = None) -> str:
    """The public key that signed the document: `public_key` where one is given, else the one that it names.

    Raises FalseReceipt, also where it names another key than the one given.
    """
    named, signature = document.get(PUBLIC_KEY), document.get(SIGNATURE)
    if not isinstance(named, str) or not isinstance(signature, str):
        raise FalseReceipt("this is no signed receipt: it lacks `public_key` or `signature`")
    if public_key is not None and named != public_key:
        raise FalseReceipt(f"the receipt names the key {named}, not {public_key}")
    unsigned = {name: value for name, value in document.items() if name != SIGNATURE}
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(named, validate=True))
        key.verify(base64.b64decode(signature, validate=True), _bytes_of(unsigned))
    except (InvalidSignature, binascii.Error, ValueError) as error:
        raise FalseReceipt("the signature is not of this text by this key: it was changed, or never given") from error
    return named


def _bytes_of(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _private(key: str) -> Ed25519PrivateKey:
    try:
        return Ed25519PrivateKey.from_private_bytes(base64.b64decode(key, validate=True))
    except (binascii.Error, ValueError) as error:
        raise Misconfigured(
            "the key that signs receipts is not 32 bytes in base64: `openssl rand -base64 32` makes one"
        ) from error
