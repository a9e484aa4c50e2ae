"""C2PA manifests, with the extra ``c2pa``: what was done to a file, signed with a key that is made on this machine.

The certificate authority is the user's own, made at the first signature: it proves that a file was not changed since, not who
made it, and verifiers say so ("untrusted"). Without the extra nothing is imported and nothing is signed.
"""

import datetime
import importlib
import importlib.util
import json
import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import platformdirs

from mien import files
from mien.errors import MienError

FORMATS = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".gif": "image/gif",
    ".avif": "image/avif",
    ".mp4": "video/mp4",
    ".m4v": "video/x-m4v",
    ".mov": "video/quicktime",
}  #: files that can hold a manifest, by suffix

_YEARS = 10


def available() -> bool:
    """Whether the extra is installed."""
    return all(importlib.util.find_spec(name) is not None for name in ("c2pa", "cryptography"))


def key_file() -> Path:
    """The signing key and its certificates: in ``$MIEN_HOME``, or the user's data folder; readable for the owner only."""
    return Path(os.environ.get("MIEN_HOME") or platformdirs.user_data_dir("mien")) / "signing.pem"


def sign(path: Path, agent: Mapping[str, str], actions: Sequence[Mapping[str, Any]], *, parent: Path | None = None) -> None:
    """Put a signed manifest with these C2PA actions into a file; `parent` is the file that it was made from.

    Does nothing where the extra is missing or the format cannot hold a manifest. Raises `MienError` when signing fails.
    """
    if path.suffix.lower() not in FORMATS or not available():
        return
    c2pa = importlib.import_module("c2pa")
    try:
        with (
            files.replacing(path, inputs=(), error=MienError) as signed,
            c2pa.Signer.from_info(_signer(c2pa)) as signer,
            c2pa.Context(c2pa.Settings.from_dict({"builder": {"thumbnail": {"enabled": False}}})) as context,
            _builder(c2pa, context, agent, actions, parent) as builder,
            path.open("rb") as source,
            signed.open("w+b") as target,
        ):
            builder.sign(signer, FORMATS[path.suffix.lower()], source, target)
    except c2pa.C2paError as problem:
        cure = f"remove {key_file()} to make a new key, or uninstall c2pa-python to write unsigned files"
        raise MienError(f"{path.name} cannot be signed ({problem}): {cure}") from problem


def state(path: Path) -> str:
    """What the manifest of a file is worth, in words; "" for a file without one."""
    if path.suffix.lower() not in FORMATS:
        return ""
    if not available():
        return "not checked: install mien[c2pa]"
    c2pa = importlib.import_module("c2pa")
    try:
        with path.open("rb") as file, c2pa.Reader(FORMATS[path.suffix.lower()], file) as reader:
            verdict = str(reader.get_validation_state()).lower()
            trouble = [found["code"] for found in json.loads(reader.json()).get("validation_status", [])]
    except c2pa.C2paError as problem:
        return "" if "ManifestNotFound" in str(problem) or "no JUMBF" in str(problem) else f"unreadable ({problem})"
    wrong = [code for code in trouble if code != "signingCredential.untrusted"]
    if verdict == "trusted":
        return "trusted"
    return f"invalid ({', '.join(wrong)})" if verdict == "invalid" else "valid, by a signer that is not on a trust list"


def _builder(c2pa: Any, context: Any, agent: Mapping[str, str], actions: Sequence[Mapping[str, Any]], parent: Path | None) -> Any:
    """A manifest of these actions, with the parent as ingredient where there is one of a known format."""
    steps = [dict(action) | {"softwareAgent": dict(agent)} for action in actions]
    known = parent is not None and parent.suffix.lower() in FORMATS and parent.is_file()
    if known:
        steps.insert(0, {"action": "c2pa.opened", "parameters": {"ingredientIds": ["parent"]}})
    elif steps[0]["action"] != "c2pa.created":  # a manifest begins with one or the other; a picture from memory has nothing to open
        steps.insert(0, {"action": "c2pa.created", "digitalSourceType": steps[0]["digitalSourceType"], "softwareAgent": dict(agent)})
    manifest = {
        "claim_generator_info": [dict(agent)],
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": steps}}],
    }
    builder = c2pa.Builder(json.dumps(manifest), context)
    if parent is not None and known:
        ingredient = {"title": parent.name, "relationship": "parentOf", "label": "parent"}
        try:
            with parent.open("rb") as file:
                builder.add_ingredient(json.dumps(ingredient), FORMATS[parent.suffix.lower()], file)
        except c2pa.C2paError:  # its content is not what its suffix says: the manifest does without it
            builder.close()
            return _builder(c2pa, context, agent, actions, None)
    return builder


def _signer(c2pa: Any) -> Any:
    """The user's key and certificates, made when they are not there yet."""
    if not key_file().is_file():
        _make_keys()
    key, *certificates = key_file().read_text("ascii", "replace").partition("-----BEGIN CERTIFICATE")
    return c2pa.C2paSignerInfo(b"es256", "".join(certificates).encode(), key.encode(), None)


def _make_keys() -> None:
    """A key (P-256) and its certificate by a fresh authority, whose own key is forgotten at once; in one file, whole or not at all."""
    serialization = importlib.import_module("cryptography.hazmat.primitives.serialization")
    ec = importlib.import_module("cryptography.hazmat.primitives.asymmetric.ec")
    authority, leaf = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = _certificate("mien local authority", authority.public_key(), authority, authority=True)
    own = _certificate("mien on this machine", leaf.public_key(), authority, authority=False)
    pem = serialization.Encoding.PEM
    key = leaf.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    key_file().parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = key_file().with_name(f".{secrets.token_hex(4)}.pem")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(key + own.public_bytes(pem) + root.public_bytes(pem))
    partial.replace(key_file())


def _certificate(subject: str, public_key: Any, issuer_key: Any, *, authority: bool) -> Any:
    """An X.509 certificate as C2PA asks for it: a leaf may sign and protect e-mail, an authority may certify."""
    x509 = importlib.import_module("cryptography.x509")
    hashes = importlib.import_module("cryptography.hazmat.primitives.hashes")
    now = datetime.datetime.now(datetime.UTC)
    usage = dict.fromkeys(
        ["content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only", "decipher_only"], False
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(x509, subject))
        .issuer_name(_name(x509, "mien local authority"))
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=365 * _YEARS))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(digital_signature=True, key_cert_sign=authority, crl_sign=authority, **usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    if not authority:
        builder = builder.add_extension(x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _name(x509: Any, common_name: str) -> Any:
    oid = x509.NameOID
    return x509.Name([x509.NameAttribute(oid.ORGANIZATION_NAME, "mien"), x509.NameAttribute(oid.COMMON_NAME, common_name)])
