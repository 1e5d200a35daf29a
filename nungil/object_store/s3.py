"""Objects in a bucket of an S3 server, through the `minio` package: MinIO, Silo, SeaweedFS and their like."""

from __future__ import annotations

import io
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

import certifi
import urllib3
from minio import Minio
from minio.error import MinioException, S3Error

from nungil.object_store.errors import InvalidKey, ObjectNotFound, ObjectStoreAway
from nungil.object_store.names import checked_key, checked_prefix
from nungil.runtime.errors import Misconfigured
from nungil.runtime.urls import without_secrets

CONNECT_TIMEOUT_S = 3.0
READ_TIMEOUT_S = 10.0
_CONNECTS_AGAIN = 2  # and no longer: whoever calls knows better how long to wait for a server that is away
_ANSWERED_AGAIN = 4  # after an answer of 500, 502, 503 or 504, with waits of 0, 0.2, 0.4 and 0.8 s
# MinIO removes an empty folder with the last object in it; a put into that folder at this moment is answered AccessDenied, or
# by its code (a rename that finds no folder) NoSuchKey. Nothing was stored, and the same put passes a moment later.
_MAY_PASS = {"AccessDenied", "NoSuchKey"}
_PUT_WAITS_S = (0.05, 0.1, 0.2, 0.4)
_CONNECTIONS = 16
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PROBE = "~nungil"  # no key can name it: '~' is not allowed in keys
_WRONG_PLACE = {"NoSuchBucket", "PermanentRedirect", "AuthorizationHeaderMalformed", "InvalidBucketName"}
_REFUSED = {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "AllAccessDisabled", "AccountProblem"}
_NO_PLACE = {"XMinioParentIsObject", "XMinioObjectExistsAsDirectory", "KeyTooLongError", "XMinioInvalidObjectName"}
_USE = "use s3+https://host/bucket or s3+http://host:port/bucket"
_RIGHTS = "give them s3:ListBucket on the bucket, and s3:GetObject, s3:PutObject and s3:DeleteObject on what is in it"


@dataclass(frozen=True)
class Bucket:
    """Where objects lie. The keys are never shown."""

    endpoint: str
    secure: bool
    name: str
    region: str
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)

    def __str__(self) -> str:
        return f"the bucket {self.name} at {self.endpoint}"


def bucket_of(url: str) -> Bucket:
    """What the URL names. The keys come from it, or from NUNGIL_S3_ACCESS_KEY and NUNGIL_S3_SECRET_KEY. Raises Misconfigured."""
    parts = urlsplit(url)
    name = parts.path.strip("/")
    try:
        host = f"{parts.hostname or ''}:{parts.port}" if parts.port else parts.hostname or ""
    except ValueError:
        host = ""
    if parts.scheme not in ("s3+http", "s3+https") or not host or not name or "/" in name:
        raise Misconfigured(f"{without_secrets(url)!r} names no bucket; {_USE}")
    if not _NAME.fullmatch(name):
        raise Misconfigured(f"{name!r} can be no bucket's name: 3 to 63 small letters, digits, '.' and '-'")
    access_key = unquote(parts.username or "") or os.environ.get("NUNGIL_S3_ACCESS_KEY", "")
    secret_key = unquote(parts.password or "") or os.environ.get("NUNGIL_S3_SECRET_KEY", "")
    if not access_key or not secret_key:
        raise Misconfigured(f"no keys for {without_secrets(url)}: set NUNGIL_S3_ACCESS_KEY and NUNGIL_S3_SECRET_KEY")
    region = parse_qs(parts.query).get("region", ["us-east-1"])[0]
    return Bucket(host, parts.scheme == "s3+https", name, region, access_key, secret_key)


@contextmanager
def open_s3(url: str, *, read_only: bool = False) -> Iterator[S3ObjectStore]:
    """Raises Misconfigured where there is no such bucket or the keys do not allow what is needed, ObjectStoreAway where nothing answers."""
    bucket = bucket_of(url)
    client = _client(bucket)
    try:
        _check_rights(client, bucket, read_only=read_only)
        yield S3ObjectStore(client, bucket)
    finally:
        client._http.clear()  # closes its connections; the package has no method for it


def make_bucket(url: str) -> bool:
    """Makes the bucket that `url` names, private; false where it is there. For who runs the system: services make none."""
    bucket = bucket_of(url)
    client = _client(bucket)
    with _translated(bucket, starting=True):
        try:
            client.make_bucket(bucket.name)
        except S3Error as error:
            if error.code not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
                raise
            return False
        finally:
            client._http.clear()
    return True


class S3ObjectStore:
    """Each object is put in one request, so a reader sees the old bytes or the new. Recovers when the server is back."""

    def __init__(self, client: Minio, bucket: Bucket, wait: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._bucket = bucket
        self._wait = wait

    def put(self, key: str, data: bytes, *, content_type: str = "application/octet-stream") -> None:
        """As the port says. A refusal is tried again for 0.75 s, since MinIO also refuses a put beside a delete."""
        checked_key(key)
        with _translated(self._bucket, key):
            for wait_s in (*_PUT_WAITS_S, None):
                try:
                    self._client.put_object(
                        self._bucket.name, key, io.BytesIO(data), len(data), content_type=content_type
                    )
                    return
                except S3Error as error:
                    if error.code not in _MAY_PASS:
                        raise
                    if wait_s is None:
                        raise ObjectStoreAway(
                            f"{self._bucket} keeps refusing {key} ({error.code}): {_RIGHTS}"
                        ) from error
                self._wait(wait_s)

    def get(self, key: str) -> bytes:
        checked_key(key)
        with _translated(self._bucket, key):
            response = self._client.get_object(self._bucket.name, key)
            try:
                body: bytes = response.read()
                return body
            finally:
                response.close()
                response.release_conn()

    def exists(self, key: str) -> bool:
        checked_key(key)
        try:
            with _translated(self._bucket, key):
                self._client.stat_object(self._bucket.name, key)
        except ObjectNotFound:
            return False
        return True

    def delete(self, key: str) -> None:
        checked_key(key)
        with _translated(self._bucket, key):
            self._client.remove_object(self._bucket.name, key)

    def list(self, prefix: str) -> Iterator[str]:
        return self._listed(checked_prefix(prefix))

    def _listed(self, prefix: str) -> Iterator[str]:
        with _translated(self._bucket):
            for found in self._client.list_objects(self._bucket.name, prefix=prefix, recursive=True):
                if "~" not in found.object_name:
                    yield found.object_name


def _client(bucket: Bucket) -> Minio:
    retries = urllib3.Retry(
        total=_ANSWERED_AGAIN,
        connect=_CONNECTS_AGAIN,
        read=1,
        backoff_factor=0.1,
        status_forcelist=[500, 502, 503, 504],
        raise_on_status=False,  # what the server says last is told
    )
    return Minio(
        bucket.endpoint,
        access_key=bucket.access_key,
        secret_key=bucket.secret_key,
        secure=bucket.secure,
        region=bucket.region,
        http_client=urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=CONNECT_TIMEOUT_S, read=READ_TIMEOUT_S),
            maxsize=_CONNECTIONS,
            retries=retries,
            cert_reqs="CERT_REQUIRED",
            ca_certs=os.environ.get("SSL_CERT_FILE") or certifi.where(),
        ),
    )


def _check_rights(client: Minio, bucket: Bucket, *, read_only: bool) -> None:
    """Tries what a service will do, so that a wrong policy is found at the start and not by a record."""
    with _translated(bucket, starting=True):
        next(iter(client.list_objects(bucket.name, prefix=_PROBE)), None)
        if not read_only:
            client.put_object(bucket.name, _PROBE, io.BytesIO(b""), 0)
            client.remove_object(bucket.name, _PROBE)


@contextmanager
def _translated(bucket: Bucket, key: str = "", *, starting: bool = False) -> Iterator[None]:
    """The package's errors as ours. Once running, a refusal is an outage: keys are changed and policies mended, and no record is to blame."""
    try:
        yield
    except S3Error as error:
        code = error.code or ""
        if code in ("NoSuchKey", "MethodNotAllowed"):
            raise ObjectNotFound(f"no object {key}") from error
        if code in _NO_PLACE:
            raise InvalidKey(f"{key!r} cannot lie in {bucket}: {error.message}") from error
        if starting and code in _WRONG_PLACE | _REFUSED:
            raise Misconfigured(_what_to_do(bucket, code)) from error
        raise ObjectStoreAway(f"{bucket} answers {code}: {error.message}") from error
    except (MinioException, urllib3.exceptions.HTTPError, OSError) as error:
        raise ObjectStoreAway(f"{bucket} does not answer: {type(error).__name__}") from error


def _what_to_do(bucket: Bucket, code: str) -> str:
    if code == "NoSuchBucket":
        return f"{bucket} does not exist: make it with `nungil buckets apply`"
    if code in _REFUSED:
        return f"the keys do not allow the use of {bucket} ({code}): {_RIGHTS}"
    return f"{bucket} cannot be used ({code}): check its name, and its region (?region=…)"
