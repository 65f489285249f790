# SPDX-License-Identifier: Apache-2.0
"""Writes OCI images with reproducible digests: into the storage directory of docker-registry, or as an OCI layout.

Everything is described in code (no root file system on disk), so that a test can say exactly what an archive holds,
hostile members included.
"""

import gzip
import hashlib
import io
import json
import os
import tarfile

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"
CREATED = "2020-01-01T00:00:00Z"
MTIME = 1577836800


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Layer:
    """One layer's archive. Names are taken as given: `../x` and `/x` stay what they are."""

    def __init__(self, compression="gzip"):
        self._buffer = io.BytesIO()
        self._tar = tarfile.open(fileobj=self._buffer, mode="w", format=tarfile.PAX_FORMAT)
        self._compression = compression
        self._data = None

    def add(self, name, kind=tarfile.REGTYPE, mode=0o644, uid=0, gid=0, content=b"", link="", device=(0, 0),
            xattrs=None, mtime=MTIME):
        """Adds one member; `content` may be text; `xattrs` maps names to bytes. Returns self."""
        info = tarfile.TarInfo(name)
        if isinstance(content, str):
            content = content.encode()
        info.type, info.mode, info.uid, info.gid, info.linkname, info.mtime = kind, mode, uid, gid, link, mtime
        info.devmajor, info.devminor = device
        info.size = len(content) if kind == tarfile.REGTYPE else 0
        for key, value in (xattrs or {}).items():
            info.pax_headers["SCHILY.xattr." + key] = value.decode("utf-8", "surrogateescape")
        self._tar.addfile(info, io.BytesIO(content))
        return self

    def directory(self, name, mode=0o755, **fields):
        return self.add(name.rstrip("/") + "/", kind=tarfile.DIRTYPE, mode=mode, **fields)

    def file(self, name, content, mode=0o644, **fields):
        return self.add(name, mode=mode, content=content, **fields)

    def symlink(self, name, target, **fields):
        return self.add(name, kind=tarfile.SYMTYPE, mode=0o777, link=target, **fields)

    def hardlink(self, name, target, **fields):
        return self.add(name, kind=tarfile.LNKTYPE, link=target, **fields)

    def finish(self):
        """Returns (media type, blob, digest of the uncompressed archive)."""
        if self._data is None:
            self._tar.close()
            plain = self._buffer.getvalue()
            self._data = (LAYER_TYPE, plain, digest_of(plain))
            if self._compression == "gzip":
                self._data = (LAYER_TYPE + "+gzip", gzip.compress(plain, 6, mtime=0), digest_of(plain))
            elif self._compression == "zstd":
                import subprocess
                packed = subprocess.run(["zstd", "-q", "-c"], input=plain, stdout=subprocess.PIPE, check=True).stdout
                self._data = (LAYER_TYPE + "+zstd", packed, digest_of(plain))
        return self._data


class Image:
    """Layers and a configuration; `config` is the `config` object of the OCI image configuration."""

    def __init__(self, layers, config=None, architecture="amd64", annotations=None):
        self._layers = [layer.finish() for layer in layers]
        self._blobs = {}
        self._config = self._put(json.dumps({
            "created": CREATED, "architecture": architecture, "os": "linux", "config": config or {},
            "rootfs": {"type": "layers", "diff_ids": [diff_id for _, _, diff_id in self._layers]},
            "history": [{"created": CREATED, "created_by": "test"} for _ in self._layers],
        }, sort_keys=True).encode())
        document = {
            "schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": self._descriptor(CONFIG_TYPE, self._config),
            "layers": [self._descriptor(kind, self._put(blob)) for kind, blob, _ in self._layers],
        }
        if annotations:
            document["annotations"] = annotations
        self.manifest = json.dumps(document, sort_keys=True).encode()
        self.media_type = MANIFEST_TYPE
        self.digest = digest_of(self.manifest)
        self.id = self._config
        self.architecture = architecture

    def _put(self, blob):
        digest = digest_of(blob)
        self._blobs[digest] = blob
        return digest

    def _descriptor(self, media_type, digest):
        return {"mediaType": media_type, "digest": digest, "size": len(self._blobs[digest])}

    @property
    def blobs(self):
        return dict(self._blobs)


class Index:
    """A multi-architecture index over images."""

    def __init__(self, images):
        self.images = images
        self.media_type = INDEX_TYPE
        self.manifest = json.dumps({
            "schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [
                {"mediaType": image.media_type, "digest": image.digest, "size": len(image.manifest),
                 "platform": {"architecture": image.architecture, "os": "linux"}} for image in images],
        }, sort_keys=True).encode()
        self.digest = digest_of(self.manifest)


def _write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)


class RegistryStorage:
    """The storage directory of docker-registry (its `rootdirectory`), written without a running registry."""

    def __init__(self, root):
        self._root = os.path.join(root, "docker/registry/v2")

    def add(self, name, tags, image):
        """Stores an Image or Index as repository `name` with `tags`; an empty list leaves it reachable by digest."""
        for part in getattr(image, "images", []):
            self.add(name, [], part)
        for digest, blob in getattr(image, "blobs", {}).items():
            self._blob(digest, blob)
            self._link(name, "_layers", digest)
        self._blob(image.digest, image.manifest)
        self._link(name, "_manifests/revisions", image.digest)
        for tag in tags:
            self._link(name, f"_manifests/tags/{tag}/index", image.digest)
            _write(f"{self._root}/repositories/{name}/_manifests/tags/{tag}/current/link", image.digest.encode())

    def _blob(self, digest, data):
        hexadecimal = digest.split(":")[1]
        _write(f"{self._root}/blobs/sha256/{hexadecimal[:2]}/{hexadecimal}/data", data)

    def _link(self, name, place, digest):
        _write(f"{self._root}/repositories/{name}/{place}/sha256/{digest.split(':')[1]}/link", digest.encode())


def write_layout(directory, image, tag="latest"):
    """Writes an OCI layout with one image."""
    for digest, blob in {**image.blobs, image.digest: image.manifest}.items():
        _write(os.path.join(directory, "blobs/sha256", digest.split(":")[1]), blob)
    _write(os.path.join(directory, "oci-layout"), b'{"imageLayoutVersion":"1.0.0"}')
    _write(os.path.join(directory, "index.json"), json.dumps({
        "schemaVersion": 2, "manifests": [{
            "mediaType": image.media_type, "digest": image.digest, "size": len(image.manifest),
            "annotations": {"org.opencontainers.image.ref.name": tag}}],
    }).encode())
