#!/usr/bin/python3 -B
"""Builds the images of images.toml from Debian packages.

  build.py families [IMAGE…]             prints the families that hold these images (none named: all)
  build.py archive CACHE OUT FAMILY…     writes OUT/FAMILY.tar (OCI layouts) and OUT/FAMILY.tsv (name, digest);
                                         ends with 75 when a package is not where the package lists say

Nothing is installed and no maintainer script is run: packages are fetched and checked by apt with an empty package
database of its own, and their files go straight from the .deb into the layers.
"""

import fnmatch
import importlib.util
import marshal
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib

import oci

HERE = os.path.dirname(os.path.abspath(__file__))
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ARCHITECTURES = {"amd64": "amd64", "arm64": "arm64", "armhf": "arm", "i386": "386", "ppc64el": "ppc64le", "s390x": "s390x"}

LISTS_ARE_OLD = 75  # exit status

with open(os.path.join(HERE, "images.toml"), "rb") as recipe_file:
    RECIPE = tomllib.load(recipe_file)


def full_name(name):
    """busybox -> docker.io/library/busybox:latest, as containerd names it."""
    first, slash, rest = name.partition("/")
    if not slash:
        name = "docker.io/library/" + name
    elif not re.search(r"[.:]|^localhost$", first):
        name = "docker.io/" + name
    elif first == "docker.io" and "/" not in rest:
        name = "docker.io/library/" + rest
    return name if ":" in name.rpartition("/")[2] else name + ":latest"


def families(names):
    """The families of some images, in the recipe's order."""
    known = {full_name(n): image["family"] for image in RECIPE["images"] for ns in image["names"].values() for n in ns}
    wanted = set(known.values()) if not names else set()
    for name in names:
        if full_name(name) not in known:
            sys.exit(f"test-images: no image {full_name(name)}; those that can be built are in scripts/images/images.toml")
        wanted.add(known[full_name(name)])
    return [f for f in dict.fromkeys(known.values()) if f in wanted]


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode:
        sys.exit(f"test-images: {' '.join(command[:2])} failed: {done.stderr.decode(errors='replace').strip()[-600:]}")
    return done.stdout.decode()


class Apt:
    """Debian packages, by way of the host's apt sources but not of its installed packages."""

    def __init__(self, cache):
        self.folder = os.path.join(cache, "debs")
        os.makedirs(os.path.join(cache, "apt/archives/partial"), exist_ok=True)
        os.makedirs(self.folder, exist_ok=True)
        preferences = os.path.join(cache, "apt/preferences")
        with open(preferences, "w") as file:  # other sources of the host may have newer packages of the same names
            file.write("Package: *\nPin: release o=Debian\nPin-Priority: 990\n")
        self.command = ["apt-get", "-q", "-y", "--no-install-recommends"]
        for option in ("Dir::State::status=/dev/null", f"Dir::Cache={cache}/apt", "Dir::Cache::pkgcache=pkgcache.bin",
                       f"Dir::Etc::preferences={preferences}", "Dir::Etc::preferencesparts=/dev/null",
                       "APT::Sandbox::User=root", "Debug::NoLocking=1"):
            self.command += ["-o", option]
        self.sources = {}

    def files(self, packages, alone=False):
        """Package name -> file name, of the packages and of what they depend on."""
        if not packages:
            return {}
        lines = run(*self.command, "--print-uris", "download" if alone else "install", *packages).splitlines()
        names = [line.split()[1] for line in lines if line.startswith("'")]
        return {name.partition("_")[0]: name for name in names}

    def fetch(self, names):
        missing = [n for n in names if not os.path.exists(os.path.join(self.folder, n))]
        if missing:
            print(f"test-images: fetching {len(missing)} packages", flush=True)
            wanted = ["{}={}".format(*n.replace("%3a", ":").split("_")[:2]) for n in missing]
            with tempfile.TemporaryDirectory(dir=self.folder) as folder:
                done = subprocess.run([*self.command, "-qq", "download", *wanted], cwd=folder, stdout=subprocess.DEVNULL)
                if done.returncode:
                    sys.exit(LISTS_ARE_OLD)
                for name in os.listdir(folder):
                    os.replace(os.path.join(folder, name), os.path.join(self.folder, name))

    def tree(self, name):
        """The files of a package, with /usr merged."""
        path = os.path.join(self.folder, name)
        tree = {}
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", path], stdout=subprocess.PIPE) as unpack:
            with tarfile.open(fileobj=unpack.stdout, mode="r|") as tar:
                for info in tar:
                    info.name = merged(info.name)
                    if info.type == tarfile.LNKTYPE:
                        info.linkname = merged(info.linkname)
                    data = tar.extractfile(info).read() if info.isreg() else b""
                    if info.name != ".":
                        info.pax_headers = {}
                        tree[info.name] = info, data
            unpack.stdout.read()
        if unpack.returncode:
            sys.exit(f"test-images: cannot read {path}")
        return tree


def merged(path):
    """./bin/sh -> usr/bin/sh"""
    path = os.path.normpath(path)
    return "usr/" + path if re.match(r"(bin|sbin|lib|lib32|lib64|libx32)(/|$)", path) else path


def matches(path, patterns):
    return any(fnmatch.fnmatchcase(path, p) for p in patterns)


class Layers:
    """The layers of the recipe; each is made once."""

    def __init__(self, apt, store):
        self.apt, self.store = apt, store
        self.made, self.chosen = {}, {}
        self.base = self.choose("busybox")

    def choose(self, name):
        """The packages of a layer: name -> file name."""
        if name in self.chosen:
            return self.chosen[name]
        layer = RECIPE["layers"].get(name, {})
        packages = layer.get("packages", [])
        unneeded = set(RECIPE["trim"]["packages"]) - set(packages)
        if not layer.get("base"):
            unneeded |= set(self.base)
        chosen = self.apt.files(packages, layer.get("alone", False))
        self.chosen[name] = {p: file for p, file in chosen.items() if p not in unneeded}
        return self.chosen[name]

    def fetch(self, names):
        self.apt.fetch(sorted({file for name in names for file in self.choose(name).values()}))

    def get(self, name):
        """The descriptor of a layer; "os:…" is a layer that only tells a system's name."""
        if name not in self.made:
            tree = os_tree(name[3:]) if name.startswith("os:") else self.tree(name)
            self.made[name] = self.store.add_layer(tree)
        return self.made[name]

    def tree(self, name):
        layer, trim = RECIPE["layers"][name], RECIPE["trim"]
        tree = {}
        for file in sorted(self.choose(name).values()):
            tree |= self.apt.tree(file)
        copied = {to: tree[source] for to, source in layer.get("copies", {}).items()}
        if layer.get("certificates"):
            copied["etc/ssl/certs/ca-certificates.crt"] = bundle(tree)
        applets = busybox_applets(tree, layer["applets"]) if "applets" in layer else {}
        keep, omit = layer.get("keep", ["*"]), trim["paths"] + layer.get("omit", [])
        tree = {p: e for p, e in tree.items() if matches(p, keep) and not matches(p, omit)}
        for path, source in copied.items():
            tree[path] = oci.entry(path, mode=source[0].mode, data=source[1])
        tree |= {p: e for p, e in applets.items() if p not in tree}
        for part in (RECIPE["skeleton"] if layer.get("base") else {}, layer):
            for path, mode in part.get("directories", {}).items():
                tree[path] = oci.directory(path, int(mode, 8))
            for path, target in part.get("links", {}).items():
                tree[path] = oci.symlink(path, target)
        if layer.get("bytecode"):
            tree |= bytecode(tree)
        return tree | own_files(os.path.join(HERE, "files", name))


def os_tree(system):
    """What tells the name of a system: "ID VERSION [CODENAME]", or nothing."""
    if not system:
        return {}
    kind, version, codename = (system.split() + [""])[:3]
    short = ".".join(version.split(".")[:2])
    text = RECIPE["os"][kind].lstrip("\n").format(version=version, short=short, codename=codename)
    tree = {"usr/lib/os-release": oci.entry("usr/lib/os-release", data=text.encode()),
            "etc/os-release": oci.symlink("etc/os-release", "../usr/lib/os-release")}
    if kind in ("alpine", "debian"):
        path = {"alpine": "etc/alpine-release", "debian": "etc/debian_version"}[kind]
        tree[path] = oci.entry(path, data=version.encode() + b"\n")
    return tree


def busybox_applets(tree, program):
    """Links for all applets of a busybox, which tells them itself."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "busybox")  # it goes by its name
        with open(path, "wb") as file:
            file.write(tree[program][1])
        os.chmod(path, 0o755)
        names = run(path, "--list-full").split()
    paths = {merged(n) for n in names} - {program, "linuxrc"}
    return {p: oci.symlink(p, "/" + program) for p in paths}


def bundle(tree):
    certificates = [e[1] for p, e in sorted(tree.items()) if fnmatch.fnmatchcase(p, "usr/share/ca-certificates/*.crt")]
    return oci.entry("", data=b"".join(c if c.endswith(b"\n") else c + b"\n" for c in certificates))


def bytecode(tree):
    """Compiled modules that are never checked against their sources, since layers do not change."""
    made = {}
    for path, (_, data) in tree.items():
        match = re.fullmatch(r"usr/lib/python3\.(\d+)/(.*/)?([^/]+)\.py", path)
        if not match or f"cpython-3{match[1]}" != sys.implementation.cache_tag.replace(".", "") or "/test" in path:
            continue
        code = compile(data, "/" + path, "exec", dont_inherit=True)
        target = "/" + importlib.util.cache_from_source("/" + path).lstrip("/")
        header = importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + importlib.util.source_hash(data)
        made[target[1:]] = oci.entry(target[1:], data=header + marshal.dumps(code))
    return made


def own_files(folder):
    """The files of a folder beside this script, owned by root."""
    tree = {}
    for parent, _, names in os.walk(folder):
        for name in names:
            source = os.path.join(parent, name)
            path = os.path.relpath(source, folder)
            with open(source, "rb") as file:
                tree[path] = oci.entry(path, mode=0o755 if os.access(source, os.X_OK) else 0o644, data=file.read())
    return tree


def archive(cache, out, wanted):
    architecture = ARCHITECTURES[run("dpkg", "--print-architecture").strip()]
    images = [image for image in RECIPE["images"] if image["family"] in wanted]
    with tempfile.TemporaryDirectory(dir=out) as folder:
        store = oci.Store(folder)
        layers = Layers(Apt(cache), store)
        layers.fetch(dict.fromkeys(layer for image in images for layer in image["layers"]))
        for family in wanted:
            print(f"test-images: building {family}", flush=True)
            named = []
            for image in (i for i in images if i["family"] == family):
                settings = {"Env": [], **image["config"]}
                if not any(e.startswith("PATH=") for e in settings["Env"]):
                    settings["Env"] = [PATH, *settings["Env"]]
                for system, names in image["names"].items():
                    stack = [layers.get(n) for n in image["layers"] + (["os:" + system] if system else [])]
                    made = store.add_image(stack, architecture, settings)
                    named += [(full_name(n), made) for n in names]
            path = os.path.join(out, family)
            store.write_archive(path + ".tar.part", named)
            with open(path + ".tsv.part", "w") as file:
                file.writelines(f"{name}\t{made['digest']}\n" for name, made in named)
            for suffix in (".tsv", ".tar"):  # the archive comes last: where it is, the list is too
                os.replace(path + suffix + ".part", path + suffix)


def main():
    match sys.argv[1:]:
        case ["families", *names]:
            print("\n".join(families(names)))
        case ["archive", cache, out, *wanted] if wanted:
            archive(cache, out, wanted)
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
