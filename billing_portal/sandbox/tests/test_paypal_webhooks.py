"""The signature on an event: verified by PayPal, and without it by the certificate."""

import base64
import json
import re
import zlib

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.x509 import DNSName, load_pem_x509_certificate
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from billing_portal.sandbox.paypal import signing
from billing_portal.sandbox.paypal.notifications import raw_slice
from billing_portal.sandbox.tests.paypal_fixtures import HOOK

VERIFY = "/v1/notifications/verify-webhook-signature"
NAME = "messageverificationcerts.sandbox.paypal.com"


@pytest.fixture
def delivered(api, paypal, hook):
    """One genuine delivery: its body and its headers."""
    api.paid()
    paypal.deliver()
    assert hook.got[1][0] == HOOK
    return hook.got[1][1], hook.got[1][2]


def verified(api, paypal, body, headers, **changed):
    """PayPal's own word about a delivery, asked with the body's bytes as they are."""
    facts = {
        "auth_algo": headers["PAYPAL-AUTH-ALGO"],
        "cert_url": headers["PAYPAL-CERT-URL"],
        "transmission_id": headers["PAYPAL-TRANSMISSION-ID"],
        "transmission_sig": headers["PAYPAL-TRANSMISSION-SIG"],
        "transmission_time": headers["PAYPAL-TRANSMISSION-TIME"],
        "webhook_id": paypal.webhook_id,
        **changed,
    }
    content = json.dumps(facts).encode()[:-1] + b',"webhook_event":' + body + b"}"
    answer = api.http.post(VERIFY, content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 200, answer.text
    return answer.json()["verification_status"]


def check_offline(root, leaf_pem, body, headers, webhook_id):
    """As a receiver does without asking PayPal. Raises when anything is wrong."""
    leaf = load_pem_x509_certificate(leaf_pem)
    store = Store([load_pem_x509_certificate(root.encode())])
    PolicyBuilder().store(store).build_server_verifier(DNSName(NAME)).verify(leaf, [])
    facts = (headers["PAYPAL-TRANSMISSION-ID"], headers["PAYPAL-TRANSMISSION-TIME"], webhook_id)
    signed = "|".join((*facts, str(zlib.crc32(body)))).encode()
    signature = base64.b64decode(headers["PAYPAL-TRANSMISSION-SIG"])
    leaf.public_key().verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())


def test_a_delivery_is_verified_offline_by_its_certificate(api, paypal, delivered):
    body, headers = delivered
    certificate = api.http.get(headers["PAYPAL-CERT-URL"], headers={"Authorization": ""})
    assert certificate.status_code == 200
    assert re.fullmatch(r"http://paypal\.sandbox/v1/notifications/certs/CERT-[A-Za-z0-9-]+", headers["PAYPAL-CERT-URL"])
    assert (headers["PAYPAL-AUTH-ALGO"], headers["PAYPAL-AUTH-VERSION"]) == ("SHA256withRSA", "v2")
    check_offline(paypal.root_pem, certificate.content, body, headers, paypal.webhook_id)
    for wrong in (body + b"\n", json.dumps(json.loads(body)).encode(), body.replace(b"29.00", b"99.00")):
        with pytest.raises(InvalidSignature):
            check_offline(paypal.root_pem, certificate.content, wrong, headers, paypal.webhook_id)
    with pytest.raises(InvalidSignature):
        check_offline(paypal.root_pem, certificate.content, body, headers, "8PT597110X687430L")
    root = signing.certificate("Another root", signing.new_key())
    with pytest.raises(VerificationError):
        check_offline(signing.pem(root), certificate.content, body, headers, paypal.webhook_id)
    elsewhere = f"{headers['PAYPAL-CERT-URL']}0"
    assert api.http.get(elsewhere).status_code == 404


def test_a_leaf_for_another_host_does_not_pass(paypal, delivered):
    body, headers = delivered
    key = signing.new_key()
    root = load_pem_x509_certificate(paypal.root_pem.encode())
    leaf = signing.certificate("shop.example", key, issuer=root, issuer_key=paypal.authority.root_key)
    assert leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value[0].value == "shop.example"
    with pytest.raises(VerificationError):
        check_offline(paypal.root_pem, signing.pem(leaf).encode(), body, headers, paypal.webhook_id)


def test_paypal_verifies_the_bytes_and_nothing_else(api, paypal, delivered):
    body, headers = delivered
    assert verified(api, paypal, body, headers) == "SUCCESS"
    content = json.loads(body)
    for wrong in (
        json.dumps(content),
        json.dumps(content, separators=(",", ":")),
        json.dumps(content, separators=(",", ":"), ensure_ascii=False),
        json.dumps(content, indent=2),
        json.dumps(content, sort_keys=True),
    ):
        assert verified(api, paypal, wrong.encode(), headers) == "FAILURE"
    assert verified(api, paypal, body.replace(b"29.00", b"99.00"), headers) == "FAILURE"
    for changed in (
        {"webhook_id": content["id"][3:20]},
        {"auth_algo": "SHA1withRSA"},
        {"transmission_id": "5e3a1b60-0000-11ee-8000-000000000000"},
        {"transmission_time": "2020-01-01T00:00:00Z"},
        {"transmission_sig": base64.b64encode(bytes(256)).decode()},
        {"transmission_sig": "no-base64!"},
        {"cert_url": "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-none"},
    ):
        assert verified(api, paypal, body, headers, **changed) == "FAILURE"


def test_a_body_forged_under_the_same_checksum_passes_as_it_does_at_paypal(api, paypal, delivered):
    """The signature covers a CRC32: whoever books by the body alone books what was forged."""
    body, headers = delivered
    forged = forge(body.replace(b'"29.00"', b'"99999.00"'), zlib.crc32(body))
    assert zlib.crc32(forged) == zlib.crc32(body)
    assert json.loads(forged)["resource"]["amount"]["value"] == "99999.00"
    assert verified(api, paypal, forged, headers) == "SUCCESS"
    assert api.objects("captures")[0]["amount"]["value"] == "29.00"


def forge(body, wanted):
    """The body with a member of padding, whose letters' cases make up the checksum: CRC32 is linear."""
    letters = 64
    head, tail = body.split(b'"resource":{', 1)
    start, end = head + b'"resource":{"padding":"', b'", ' + tail

    def crc(bits):
        text = bytes(ord("A") | (0x20 if bits >> n & 1 else 0) for n in range(letters))
        return zlib.crc32(start + text + end)

    base = crc(0)
    rows = [(crc(1 << n) ^ base, 1 << n) for n in range(letters)]
    target, chosen = wanted ^ base, 0
    for bit in range(32):
        pivot = next((row for row in rows if row[0] >> bit & 1), None)
        if pivot is None:
            continue
        rows = [
            (row[0] ^ pivot[0], row[1] ^ pivot[1]) if row is not pivot and row[0] >> bit & 1 else row
            for row in rows
            if row is not pivot
        ]
        if target >> bit & 1:
            target, chosen = target ^ pivot[0], chosen ^ pivot[1]
    assert target == 0
    text = bytes(ord("A") | (0x20 if chosen >> n & 1 else 0) for n in range(letters))
    return start + text + end


def test_the_slice_is_what_stands_there():
    raw = b'{ "a": [1, {"webhook_event": 2}] , "webhook_event" :  {"x":1.0 ,"y":"\xc3\xa9"}\n, "z": null}'
    assert raw_slice(raw, "webhook_event") == b'{"x":1.0 ,"y":"\xc3\xa9"}'


def test_a_question_with_a_hole_is_refused(api):
    status, name = api.refused("POST", VERIFY, {"auth_algo": "SHA256withRSA"})
    assert (status, name) == (400, "VALIDATION_ERROR")
