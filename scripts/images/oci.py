"""Packs trees of files into OCI images: layers, manifests, and one archive for many names.

A tree is a dict: path without a leading slash -> (tarfile.TarInfo, contents). The same tree gives the same bytes:
entries are sorted, owners are numbers, and every time is SOURCE_DATE_EPOCH. Layers are not compressed, because these
images are imported far more often than they are moved.
"""

import hashlib
import io
import json
import os
import tarfile
import time

EPOCH = int(os.environ.get("SOURCE_DATE_EPOCH", "1700000000"))

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


def entry(path, kind=tarfile.REGTYPE, mode=0o644, data=b"", link=""):
    """One item of a tree; also the way to normalise what came from elsewhere."""
    info = tarfile.TarInfo(path)
    info.type, info.mode, info.size, info.linkname = kind, mode, len(data), link
    return info, data


def directory(path, mode=0o755):
    return entry(path, tarfile.DIRTYPE, mode)


def symlink(path, target):
    return entry(path, tarfile.SYMTYPE, 0o777, link=target)


class Store:
    """A folder of blobs, named by their digests."""

    def __init__(self, folder):
        self.folder = folder
        os.makedirs(folder, exist_ok=True)

    def path(self, digest):
        return os.path.join(self.folder, digest.removeprefix("sha256:"))

    def add(self, data, media_type):
        """Stores the bytes and returns their descriptor."""
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        with open(self.path(digest), "wb") as file:
            file.write(data)
        return {"mediaType": media_type, "digest": digest, "size": len(data)}

    def add_json(self, value, media_type):
        return self.add(json.dumps(value, sort_keys=True, separators=(",", ":")).encode(), media_type)

    def add_layer(self, tree):
        """Stores a tree as a layer. Hard links come last, after what they point to."""
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for path in sorted(with_parents(tree), key=lambda p: (tree_type(tree, p) == tarfile.LNKTYPE, p)):
                info, data = tree.get(path) or directory(path)
                info.mtime, info.uname, info.gname = EPOCH, "", ""
                tar.addfile(info, io.BytesIO(data))
        return self.add(out.getvalue(), LAYER)

    def add_image(self, layers, architecture, settings):
        """Stores config and manifest of an image; settings is the config's own object (Cmd, Env, User…)."""
        created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(EPOCH))
        config = {"created": created, "architecture": architecture, "os": "linux", "config": settings,
                  "rootfs": {"type": "layers", "diff_ids": [layer["digest"] for layer in layers]},
                  "history": [{"created": created, "created_by": "scripts/test-images"} for _ in layers]}
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": self.add_json(config, CONFIG), "layers": layers}
        return {**self.add_json(manifest, MANIFEST), "platform": {"architecture": architecture, "os": "linux"}}

    def write_archive(self, path, images):
        """Writes an OCI layout as a tar file; images is a list of (full name, manifest descriptor)."""
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [
            {**manifest, "annotations": {"io.containerd.image.name": name,
                                         "org.opencontainers.image.ref.name": name.rpartition(":")[2]}}
            for name, manifest in images]}
        digests = set()
        for _, descriptor in images:
            with open(self.path(descriptor["digest"]), "rb") as file:
                manifest = json.load(file)
            digests |= {d["digest"] for d in (descriptor, manifest["config"], *manifest["layers"])}
        with tarfile.open(path, "w") as tar:
            add_bytes(tar, "oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
            add_bytes(tar, "index.json", json.dumps(index, sort_keys=True).encode())
            for digest in sorted(digests):
                with open(self.path(digest), "rb") as file:
                    add_bytes(tar, "blobs/" + digest.replace(":", "/"), file.read())


def tree_type(tree, path):
    return tree[path][0].type if path in tree else tarfile.DIRTYPE


def with_parents(tree):
    """All paths of a tree, and the folders that lead to them."""
    paths = set(tree)
    for path in tree:
        while path := os.path.dirname(path):
            paths.add(path)
    return paths


def add_bytes(tar, path, data):
    info, data = entry(path, data=data)
    info.mtime = EPOCH
    tar.addfile(info, io.BytesIO(data))
