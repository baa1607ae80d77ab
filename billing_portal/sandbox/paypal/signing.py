"""Certificates of the stand-in's own authority, and the signature on every webhook.

https://developer.paypal.com/api/rest/webhooks/rest/: RSA with SHA-256 (PKCS #1 v1.5) over the transmission's id, its
time, the webhook's id and the CRC32 of the body, with bars between. The leaf is named as PayPal's is; a receiver trusts
it only when it is given this root.
"""

import base64
import binascii
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from billing_portal.sandbox.books import Books
from billing_portal.sandbox.paypal import ids

HOST_NAME = "messageverificationcerts.sandbox.paypal.com"
ALGORITHM = "SHA256withRSA"
# Wide, so that tests may travel in time.
VALID_FROM = datetime(2020, 1, 1, tzinfo=UTC)
VALID_FOR = timedelta(days=3650)


@dataclass(frozen=True)
class Authority:
    """The root that a receiver trusts, and the leaf that signs. `certificate_id` names the leaf in its address."""

    root_pem: str
    leaf_pem: str
    certificate_id: str
    leaf_key: rsa.RSAPrivateKey
    root_key: rsa.RSAPrivateKey

    def sign(self, transmission_id: str, time: str, webhook_id: str, body: bytes) -> str:
        """The signature in base64."""
        signed = self.leaf_key.sign(message(transmission_id, time, webhook_id, body), *_SCHEME)
        return base64.b64encode(signed).decode()

    def verifies(self, signature: str, signed: bytes) -> bool:
        """Whether the leaf has signed this message."""
        try:
            self.leaf_key.public_key().verify(base64.b64decode(signature, validate=True), signed, *_SCHEME)
        except (InvalidSignature, binascii.Error, ValueError):
            return False
        return True


_SCHEME = (padding.PKCS1v15(), hashes.SHA256())


def message(transmission_id: str, time: str, webhook_id: str, body: bytes) -> bytes:
    """What is signed. The checksum is a decimal without a sign."""
    return f"{transmission_id}|{time}|{webhook_id}|{zlib.crc32(body)}".encode()


def authority(books: Books, *, shared: bool = False) -> Authority:
    """The one of these books, made when there is none yet. `shared`: the same for all that this process makes so, since
    two keys take a third of a second."""
    kept = books.noted("authority")
    if not kept:
        kept = _make_once() if shared else _make()
        books.note("authority", kept)
    return Authority(kept["root"], kept["leaf"], kept["id"], _read(kept["key"]), _read(kept["root_key"]))


def certificate(
    name: str,
    key: rsa.RSAPrivateKey,
    *,
    issuer: x509.Certificate | None = None,
    issuer_key: rsa.RSAPrivateKey | None = None,
    until: datetime | None = None,
) -> x509.Certificate:
    """A root without `issuer`, else a leaf for the host `name`. `until`: when it ends, else in ten years."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer = issuer_key or key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(VALID_FROM)
        .not_valid_after(until or datetime.now(UTC).replace(microsecond=0) + VALID_FOR)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(_usage(root=issuer is None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if issuer:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    return builder.sign(signer, hashes.SHA256())


def new_key() -> rsa.RSAPrivateKey:
    """2048 bits, as PayPal's."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(certificate: x509.Certificate) -> str:
    """As text."""
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


@cache
def _make_once() -> dict[str, str]:
    return _make()


def _make() -> dict[str, str]:
    root_key, key = new_key(), new_key()
    root = certificate("Stand-in for PayPal: root", root_key)
    leaf = certificate(HOST_NAME, key, issuer=root, issuer_key=root_key)
    return {
        "root": pem(root),
        "leaf": pem(leaf),
        "key": _written(key),
        "root_key": _written(root_key),
        "id": ids.certificate(),
    }


def _written(key: rsa.RSAPrivateKey) -> str:
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return key.private_bytes(*form).decode()


def _read(text: str) -> rsa.RSAPrivateKey:
    # The books are the stand-in's own: what it wrote needs no second look, which would cost a tenth of a second.
    key = serialization.load_pem_private_key(text.encode(), password=None, unsafe_skip_rsa_key_validation=True)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def _usage(*, root: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not root,
        key_cert_sign=root,
        crl_sign=root,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
