#!/usr/bin/env python3
"""Makes the archives in Tests/Fixtures/zip: the same three members, as every writer has them.

They are committed: run this only to add one, since other versions of the writers give other bytes. It needs
zip, 7z, bsdtar and jar besides Python's own zipfile, and torch.
"""

import io
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "Fixtures" / "zip"
MEMBERS = {
    "numbers.bin": bytes(i * i % 251 for i in range(500)),
    "folder/text": b"some text, " * 20,
    "empty": b"",
}


class Pipe(io.RawIOBase):
    """What cannot seek: sizes and checksums are then written behind each member."""

    def __init__(self):
        self.bytes = bytearray()

    def writable(self):
        return True

    def write(self, data):
        self.bytes += data
        return len(data)


def by_zipfile(file, method=zipfile.ZIP_STORED, force_zip64=False, comment=b""):
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in MEMBERS.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            with archive.open(info, "w", force_zip64=force_zip64) as member:
                member.write(data)
        archive.comment = comment


def piped(**options) -> bytes:
    pipe = Pipe()
    by_zipfile(pipe, **options)
    return bytes(pipe.bytes)


def seekable(**options) -> bytes:
    file = io.BytesIO()
    by_zipfile(file, **options)
    return file.getvalue()


def by_torch(path: Path) -> bytes:
    import torch

    writer = torch._C.PyTorchFileWriter(str(path))
    for name, data in MEMBERS.items():
        writer.write_record(name, data, len(data))
    writer.write_end_of_file()
    return path.read_bytes()


def tool(*command: str, output: Path | None = None) -> bytes:
    result = subprocess.run(command, check=True, capture_output=True)
    return output.read_bytes() if output else result.stdout


def fixtures() -> dict[str, bytes]:
    deflated = zipfile.ZIP_DEFLATED
    made = {
        "zipfile-stored.zip": seekable(),
        "zipfile-deflated.zip": seekable(method=deflated),
        "zipfile-zip64.zip": seekable(force_zip64=True),
        "zipfile-comment.zip": seekable(comment=b"a comment"),
        "zipfile-prefix.zip": b"#!/bin/sh\n" + seekable(method=deflated),
        "zipfile-piped-stored.zip": piped(),
        "zipfile-piped-deflated.zip": piped(method=deflated),
        "zipfile-piped-zip64.zip": piped(method=deflated, force_zip64=True),
    }
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for name, data in MEMBERS.items():
            Path(name).parent.mkdir(exist_ok=True)
            Path(name).write_bytes(data)
            os.utime(name, (1e9, 1e9))
        names = list(MEMBERS)
        out = Path(folder, "made.zip")
        for name, command in {
            "infozip-deflated.zip": ["zip", "-q", "made.zip", "-r", "folder", *names],
            "infozip-stored.zip": ["zip", "-q0X", "made.zip", *names],
            "7z.zip": ["7z", "a", "-tzip", "made.zip", *names],
            "jar.zip": ["jar", "cf", "made.zip", *names],
            "bsdtar.zip": ["bsdtar", "-cf", "made.zip", "--format", "zip", *names],
        }.items():
            made[name] = tool(*command, output=out)
            out.unlink()
        # To a pipe, so that descriptors follow the members.
        made["infozip-piped.zip"] = tool("bash", "-c", f"zip -q - {' '.join(names)} | cat")
        made["torch.zip"] = by_torch(Path(folder, "torch.pt"))
        os.chdir("/")
    return made


def main() -> int:
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    for name, data in fixtures().items():
        (FOLDER / name).write_bytes(data)
        with zipfile.ZipFile(FOLDER / name) as archive:
            names = archive.namelist()
        print(f"{name}: {len(data)} bytes, {len(names)} members")
    return 0


if __name__ == "__main__":
    sys.exit(main())
