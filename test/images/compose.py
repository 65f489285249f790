#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""usage: compose.py BINARIES OUT: composes the images that tests pull and writes them as OUT/registry, the storage
directory of docker-registry, with OUT/images.json (reference, manifest digest, image id) beside it.

Names and contents are what critest expects of the images it knows by name.
"""

import json
import os
import sys

import ociimage
from ociimage import Image, Index, Layer, RegistryStorage

PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PASSWD = """root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
www-data:x:33:33:www-data:/var/www:/bin/false
nobody:x:65534:65534:nobody:/home:/bin/false
"""
GROUP = "root:x:0:\ndaemon:x:1:\nwww-data:x:33:\nnogroup:x:65534:\n"


class Binaries:
    def __init__(self, directory):
        self._directory = directory

    def __getitem__(self, name):
        with open(os.path.join(self._directory, name), "rb") as file:
            return file.read()

    @property
    def applets(self):
        return self["busybox.applets"].decode().split()


def base_layer(binaries, passwd=PASSWD, group=GROUP):
    """A small system around busybox. Applets are hard links: a masked path on one of them must not mask all others,
    which a symbolic link to busybox would do."""
    layer = Layer()
    for name in ("bin", "dev", "etc", "home", "proc", "root", "run", "sys", "usr", "usr/bin", "usr/sbin", "var",
                 "var/run", "var/www"):
        layer.directory(name)
    layer.directory("tmp", mode=0o1777)
    layer.file("etc/passwd", passwd).file("etc/group", group)
    layer.file("bin/busybox", binaries["busybox"], mode=0o755)
    for applet in binaries.applets:
        if applet != "busybox":
            layer.hardlink("bin/" + applet, "bin/busybox", mode=0o755)
    return layer


def webserver_image(binaries, base, program, port, title, pidfile=None):
    layer = Layer().file(program.lstrip("/"), binaries["webserver"], mode=0o755)
    entrypoint = [program, str(port), title] + ([pidfile] if pidfile else [])
    return Image([base, layer], {"Env": [PATH], "Entrypoint": entrypoint, "ExposedPorts": {f"{port}/tcp": {}}})


def marked_image(base, mark, **config):
    """An image that differs from all others by one small file."""
    return Image([base, Layer().file("etc/mark", mark + "\n")], {"Env": [PATH], "Cmd": ["sh"], **config})


def compose(binaries):
    """Yields (reference without digest, tags, image)."""
    base = base_layer(binaries)
    e2e, staging = "e2e-test-images/", "k8s-staging-cri-tools/"
    yield e2e + "busybox", ["1.29-2"], Image([base], {"Env": [PATH], "Cmd": ["sh"]})

    nginx = "nginx: master process nginx -g daemon off;"
    yield e2e + "nginx", ["1.14-2"], webserver_image(binaries, base, "/usr/sbin/nginx", 80, nginx, "/var/run/nginx.pid")
    yield (staging + "hostnet-nginx-amd64", ["latest"],
           webserver_image(binaries, base, "/usr/sbin/nginx", 12003, nginx, "/var/run/nginx.pid"))
    yield e2e + "httpd", ["2.4.39-4"], webserver_image(binaries, base, "/usr/bin/httpd", 80, "httpd -D FOREGROUND")

    nonewprivs = Layer().directory("tmp", mode=0o1777).file("nnp", binaries["nonewprivs"], mode=0o4755)
    yield e2e + "nonewprivs", ["1.3"], Image([nonewprivs], {"Env": [PATH], "Entrypoint": ["/nnp"]})
    pause = Image([Layer().file("pause", binaries["pause"], mode=0o755)],
                  {"Env": [PATH], "Entrypoint": ["/pause"], "User": "65535:65535"})
    # Containerd asks for 3.6 by its defaults; critest for 3.9, by two registry names that lead here both.
    yield "pause", ["3.6", "3.9"], pause

    for name, user in (("uid", "1002"), ("username", "www-data"), ("uid-group", "1003:1004"),
                       ("username-group", "www-data:1004")):
        yield f"{staging}test-image-user-{name}", ["latest"], marked_image(base, "user-" + name, User=user)
    group_base = base_layer(
        binaries, PASSWD + "default-user:x:1000:1000:Linux User,,,:/home/default-user:/bin/sh\n",
        GROUP + "default-user:x:1000:\ngroup-defined-in-image:x:50000:default-user\n")
    yield (staging + "test-image-predefined-group", ["latest"],
           Image([group_base], {"Env": [PATH], "Cmd": ["sh"], "User": "1000"}))

    for name in ("latest", "1", "2", "3"):
        yield f"{staging}test-image-{name}", ["latest"], marked_image(base, name)
    yield staging + "test-image-tag", ["test", "all"], marked_image(base, "tag")
    yield staging + "test-image-tags", ["1", "2", "3"], marked_image(base, "tags")
    yield staging + "test-image-digest", [], marked_image(base, "digest")

    # For end-to-end tests: one name, several architectures.
    other = Image([Layer().file("etc/mark", "arm64\n")], {"Cmd": ["sh"]}, architecture="arm64")
    yield "rktlet/multi-arch", ["1"], Index([other, marked_image(base, "amd64")])


def main():
    binaries, out = Binaries(sys.argv[1]), sys.argv[2]
    storage = RegistryStorage(os.path.join(out, "registry"))
    listed = []
    for name, tags, image in compose(binaries):
        storage.add(name, tags, image)
        listed.append({"name": name, "tags": tags, "digest": image.digest, "id": getattr(image, "id", None)})
    with open(os.path.join(out, "images.json"), "w", encoding="utf-8") as file:
        json.dump(listed, file, indent=2)
        file.write("\n")


if __name__ == "__main__":
    main()
