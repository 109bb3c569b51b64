"""WireGuard's keys: X25519 (RFC 7748), 32 bytes, written in base64 (wg(8))."""

import base64
import binascii

KEY_BYTES = 32


def generate() -> tuple[str, str]:
    """A new pair: private key, public key."""
    # Imported when it is first needed: a replica that was killed must be back quickly.
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    private = X25519PrivateKey.generate()
    return _text(private.private_bytes_raw()), _text(private.public_key().public_bytes_raw())


def is_public_key(text: str) -> bool:
    """Whether a text is a public key that keeps a secret: 32 bytes in canonical base64, and no point of small order,
    with which everybody would agree on the same secret (RFC 7748, section 6.1)."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    if len(raw) != KEY_BYTES or _text(raw) != text:
        return False
    try:
        X25519PrivateKey.generate().exchange(X25519PublicKey.from_public_bytes(raw))
    except ValueError:
        return False
    return True


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
