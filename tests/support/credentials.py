"""Content Credentials for tests, by c2pa-python and a test authority of one's own."""

import datetime
import io
import json
from functools import cache

import c2pa
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

MEDIA_TYPES = {
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".tif": "image/tiff",
    ".wav": "audio/wav",
    ".flac": "audio/flac",
    ".mp4": "video/mp4",
}
TAKEN = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"
MANIFEST = {
    "claim_generator_info": [{"name": "Test Camera", "version": "1"}],
    "assertions": [
        {"label": "c2pa.actions", "data": {"actions": [{"action": "c2pa.created", "digitalSourceType": TAKEN}]}}
    ],
}


def signed(data: bytes, suffix: str, link: str = "") -> bytes:
    """A file with a manifest, and with a link to it in XMP if one is given."""
    certificates, key = _authority()
    builder = c2pa.Builder(json.dumps(MANIFEST))
    if link:
        builder.set_remote_url(link)
    out = io.BytesIO()
    signer = c2pa.Signer.from_info(c2pa.C2paSignerInfo(b"es256", certificates, key, None))
    builder.sign(signer, MEDIA_TYPES[suffix], io.BytesIO(data), out)
    return out.getvalue()


def credentials(data: bytes, suffix: str) -> str:
    """The state of a file's manifest, "Valid" or "Invalid"; "none" without one."""
    try:
        reader = c2pa.Reader(MEDIA_TYPES[suffix], io.BytesIO(data))
    except c2pa.C2paError.ManifestNotFound:
        return "none"
    return json.loads(reader.json())["validation_state"]


@cache
def _authority() -> tuple[bytes, bytes]:
    """Certificates of a signer and of the authority that issued it, and the signer's key, in PEM."""
    root, signer = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    certificates = _certificate("signer", signer, root) + _certificate("authority", root, root)
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return certificates, signer.private_bytes(*form)


def _certificate(name: str, key: ec.EllipticCurvePrivateKey, issuer: ec.EllipticCurvePrivateKey) -> bytes:
    is_root = key is issuer
    uses = {
        "digital_signature": True,
        "key_cert_sign": is_root,
        "crl_sign": is_root,
        **dict.fromkeys(("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False),
        **dict.fromkeys(("encipher_only", "decipher_only"), False),
    }
    made = (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .issuer_name(_named("authority"))
        .public_key(key.public_key())
        .serial_number(1 if is_root else 2)
        .not_valid_before(datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC))
        .not_valid_after(datetime.datetime(2099, 1, 1, tzinfo=datetime.UTC))
        .add_extension(x509.BasicConstraints(is_root, None), True)
        .add_extension(x509.KeyUsage(**uses), True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key()), False)
    )
    if not is_root:
        made = made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False)
    return made.sign(issuer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _named(name: str) -> x509.Name:
    fields = {NameOID.COUNTRY_NAME: "XX", NameOID.ORGANIZATION_NAME: "Tests", NameOID.COMMON_NAME: name}
    return x509.Name([x509.NameAttribute(field, value) for field, value in fields.items()])
