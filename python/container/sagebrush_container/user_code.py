"""Brings the user's code to its folder."""

import os
import shutil
import tarfile
import tempfile

from . import places, s3
from .failures import ToolkitError


def bring(source, target):
    """Fills `target` from a folder, an archive or an S3 address, unless something is there already."""
    os.makedirs(target, exist_ok=True)
    if os.listdir(target):
        return
    path = places.real(source[len("file://") :] if source.startswith("file://") else source)
    if source.startswith("s3://"):
        staged = os.path.join(places.STAGED_CODE, source.rsplit("/", 1)[-1])
        if os.path.isfile(staged):
            extract(staged, target)
            return
        with tempfile.TemporaryDirectory(dir=places.ROOT) as scratch:
            archive = os.path.join(scratch, "sourcedir.tar.gz")
            s3.download(source, archive)
            extract(archive, target)
    elif os.path.isdir(path):
        if os.path.realpath(path) != os.path.realpath(target):
            _copy_folder(path, target)
    elif os.path.isfile(path):
        if tarfile.is_tarfile(path):
            extract(path, target)
        else:
            shutil.copy2(path, target)
    else:
        raise ToolkitError("ClientError: there is no code at %s." % source)


def _copy_folder(source, target):
    for name in os.listdir(source):
        path = os.path.join(source, name)
        if os.path.isdir(path):
            shutil.copytree(path, os.path.join(target, name), symlinks=True)
        else:
            shutil.copy2(path, target)


def extract(archive, target):
    """Unpacks an archive whose members may lie: nothing is written or linked outside of `target`."""
    base = os.path.realpath(target)
    try:
        with tarfile.open(archive, "r:*") as members:
            for member in members:
                _extract_one(members, member, base)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ToolkitError("ClientError: the archive %s cannot be unpacked: %s" % (os.path.basename(archive), error))


def _extract_one(members, member, base):
    path = os.path.normpath(os.path.join(base, member.name))
    if path == base:
        return
    _must_be_inside(path, base, member)
    folder = os.path.dirname(path)
    _must_be_inside(os.path.realpath(folder), base, member)
    if member.isdir():
        os.makedirs(path, exist_ok=True)
        return
    os.makedirs(folder, exist_ok=True)
    if os.path.lexists(path) and not os.path.isdir(path):
        os.unlink(path)  # a link that an earlier member left must not be written through
    if member.isfile():
        with members.extractfile(member) as content, open(path, "wb") as file:
            shutil.copyfileobj(content, file)
        os.chmod(path, 0o755 if member.mode & 0o100 else 0o644)
    elif member.issym():
        _must_be_inside(os.path.realpath(os.path.join(folder, member.linkname)), base, member)
        os.symlink(member.linkname, path)
    elif member.islnk():
        original = os.path.normpath(os.path.join(base, member.linkname))
        _must_be_inside(os.path.realpath(original), base, member)
        shutil.copy2(original, path)
    # Devices and pipes are no code.


def _must_be_inside(path, base, member):
    if path != base and not path.startswith(base + os.sep):
        raise ToolkitError("ClientError: the archive of the code would write outside of its folder: %s" % member.name)
