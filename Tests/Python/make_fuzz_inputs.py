"""Makes the hand-picked inputs of the fuzz targets: `make_fuzz_inputs.py fuzz/inputs`.

Each is as small as the thing that it shows. What fuzzing found lies beside them, as it was found, and a
checkpoint.npz that `flywheel convert --compress fast` made of schemas/examples/checkpoint-2.h5.
"""

import io
import json
import pickle
import struct
import sys
import zipfile
import zlib
from pathlib import Path

import hdf5_inputs
import numpy
import torch
from torch.distributed.checkpoint import metadata
from torch.distributed.checkpoint.filesystem import _StorageInfo

ACCENTS = "\u0301\u0323"


def json_documents():
    yield "numbers.json", (
        '[0,-0,0.0,-0.0,1,-1,9223372036854775807,-9223372036854775808,9223372036854775808,'
        "18446744073709551615,1e308,-1.7976931348623157e308,5e-324,1e-400,9e15,9007199254740993.0,"
        '0.1,{"float64":"0x7ff8000000000001"},{"float64":"0xfff0000000000000"}]'
    )
    yield "strings.json", (
        '["","\\u0000\\u001f\\u007f","\\"\\\\\\/\\b\\f\\n\\r\\t","é\\u00e9","\U0001f600\\ud83d\\ude00",'
        '"\u2028\u202e"]'
    )
    yield "same-name.json", '{"\u00e9":1,"e\u0301":2}'
    yield "depth.json", "[" * 64 + "]" * 64
    yield "too-deep.json", '{"a":' * 65
    yield "accents-at-limit.json", f'{{"a{ACCENTS * 128}":1}}'
    yield "accents.json", f'{{"a{ACCENTS * 1000}":1}}'
    yield "huge-exponents.json", (
        "[1e-999999999999999999999,0e999999999999999999999,-0.0000000000000000000000000000e-5,"
        "123456789012345678901234567890e-20]"
    )
    yield "too-large.json", "1e999999999999999999999"
    yield "half-a-pair.json", '"\\ud83d\\u0041"'
    yield "cut.json", '{"format":"flywheel.checkpoint","schema":2,"te'
    yield "pretty.json", (
        '{\r\n\t"a" : [ 1 , [ ] , { } , [ { "b" : null } ] ] ,\n'
        ' "c" : { "float64" : "0x0000000000000001" }\n}\n'
    )


def npy(text, version=1, elements=b""):
    encoded = text if isinstance(text, bytes) else text.encode("latin1" if version < 3 else "utf8")
    length = struct.pack("<H" if version == 1 else "<I", len(encoded))
    return b"\x93NUMPY" + bytes([version, 0]) + length + encoded + elements


def npy_of(descr, shape, order="False", elements=b"", version=1):
    text = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n"
    return npy(text, version, elements)


def npy_files():
    yield "fortran.npy", npy_of("'>f4'", "(3, 1, 5)", "True", bytes(range(60)))
    yield "complex.npy", npy_of("'>c8'", "(2, 2)", "True", bytes(range(32)))
    yield "followed.npy", npy_of("'|u1'", "(2,)", "False", b"ab" + npy_of("'|u1'", "(0,)"))
    yield "no-bytes.npy", npy_of("'|S0'", "(9223372036854775807,)")
    yield "no-elements.npy", npy_of("'<f8'", "(0, 9223372036854775807, 9223372036854775807)")
    yield "too-many.npy", npy_of("'<f8'", "(4294967296, 4294967296)")
    yield "too-many-bytes.npy", npy_of("'<f8'", "(2305843009213693952,)")
    yield "more-than-there-are.npy", npy_of("'<f4'", "(1000000,)", "True", bytes(8))
    yield "negative.npy", npy_of("'<f4'", "(-1,)", "False", bytes(8))
    yield "axes.npy", npy_of("'|u1'", "(" + "1, " * 64 + ")", "True", b"a")
    yield "too-many-axes.npy", npy_of("'|u1'", "(" + "1, " * 65 + ")", "True", b"a")
    yield "truth.npy", npy_of("'|b1'", "(2, 2)", "True", b"\0\1\1\2")
    yield "objects.npy", npy_of("'|O'", "(1,)", "False", b"\x80\x04N.")
    yield "long-text.npy", npy_of("'<U4611686018427387904'", "(1,)")
    yield "record.npy", npy_of(
        "[('a', '<f4'), (('t', 'b'), '|u1', (2,)), ('', '|V1'), ('n', [('m', '>i2')])]",
        "(2,)",
        "False",
        bytes(20),
    )
    yield "deep-record.npy", npy_of("[('a', " * 30 + "'<f4'" + ")]" * 30, "()", "False", bytes(4))
    yield "too-deep.npy", npy_of("(" * 70 + "'<f4'" + ",)" * 70, "()", "False", bytes(4))
    yield "deep-array.npy", npy_of(
        "[('a', " + "(" * 20 + "'<f4'" + ", (2,))" * 20 + ")]", "()", "False", bytes(4 << 20 >> 10)
    )
    yield "overflowing-record.npy", npy_of(
        "[('a', '|V9223372036854775807'), ('b', '|V1')]", "()", "False", b""
    )
    yield "escapes.npy", npy_of("[('\\x00\\n\\'\\u20ac\\U0001f600', '<f4')]", "()", "False", bytes(4))
    yield "utf8.npy", npy_of("[('é€\U0001f600', '<f4')]", "()", "False", bytes(4), version=3)
    yield "long.npy", npy_of("'<f4'", "(1L, )", "False", bytes(4))
    yield "length.npy", b"\x93NUMPY\x02\0\xff\xff\xff\xff{'descr'"
    yield "accents.npy", npy_of(f"[('{ACCENTS * 1000}', '<f4')]", "()", "False", bytes(4), 3)


def archive(members, comment=b"", prefix=b"", **options):
    """An archive by Python's own module: name, bytes and compression of each member."""
    stream = io.BytesIO()
    stream.write(prefix)
    with zipfile.ZipFile(stream, "a" if prefix else "w", **options) as file:
        for name, content, compression in members:
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.compress_type = compression
            with file.open(info, "w", force_zip64=name.startswith("zip64")) as member:
                member.write(content)
        file.comment = comment
    return stream.getvalue()


class Unseekable(io.BytesIO):
    """A pipe: members are followed by descriptors then."""

    def seekable(self):
        return False

    def seek(self, *_):
        raise io.UnsupportedOperation


def end(count, size, offset, comment=b""):
    return struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, size, offset, len(comment)) + comment


def raw(members):
    """An archive whose numbers are given: name, bytes as they lie there, method, size, CRC-32, and where its
    header is if not where it lies."""
    body, directory = b"", b""
    for name, stored, method, size, crc, *rest in members:
        offset = rest[0] if rest else len(body)
        fields = (20, 0, method, 0, 33, crc, len(stored), size, len(name), 0)
        body += struct.pack("<4s5H3L2H", b"PK\3\4", *fields) + name + stored
        directory += struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, *fields, 0, 0, 0, 0, offset) + name
    return body + directory + end(len(members), len(directory), len(body))


def deflated(content, level=9):
    compressor = zlib.compressobj(level, zlib.DEFLATED, -15)
    return compressor.compress(content) + compressor.flush()


def saved(function, **arrays):
    stream = io.BytesIO()
    function(stream, **arrays)
    return stream.getvalue()


def zip_archives():
    stored, packed = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED
    text = b"flywheel " * 20
    yield "empty.zip", archive([])
    yield "stored.zip", archive([("a", b"", stored), ("b/", b"", stored), ("b/c", text, stored)])
    yield "deflated.zip", archive([("a", b"", packed), ("b", text, packed), ("é", b"x", packed)])
    yield "comment.zip", archive([("a", text, packed)], comment=b"PK\5\6" + bytes(18))
    yield "prefix.zip", archive([("a", text, packed)], prefix=b"#!/bin/sh\nPK\3\4\n")
    yield "suffix.zip", archive([("a", text, packed)]) + b"more"
    yield "zip64.zip", archive([("zip64", text, packed), ("zip64-stored", text, stored)])
    pipe = Unseekable()
    with zipfile.ZipFile(pipe, "w") as file:
        file.writestr(zipfile.ZipInfo("a"), text, packed)
        file.writestr(zipfile.ZipInfo("b"), text, stored)
    yield "descriptors.zip", pipe.getvalue()
    small = archive([("a", text, packed)])
    place = small.index(b"PK\5\6")
    count, size, offset = struct.unpack_from("<H2L", small, place + 10)
    large = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, offset)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, place, 1)
    yield "large-end.zip", small[:place] + large + locator + end(0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)
    crc = zlib.crc32(text)
    yield "fixed-blocks.zip", raw([(b"a", deflated(text), 8, len(text), crc)])
    yield "stored-blocks.zip", raw([(b"a", deflated(text, 0), 8, len(text), crc)])
    yield "wrong-crc.zip", raw([(b"a", deflated(text), 8, len(text), 1), (b"b", text, 0, len(text), 1)])
    yield "too-small.zip", raw([(b"a", deflated(text), 8, len(text) - 1, crc)])
    yield "too-large.zip", raw([(b"a", deflated(text), 8, len(text) + 1, crc)])
    yield "after-the-end.zip", raw([(b"a", deflated(text) + b"more", 8, len(text), crc)])
    yield "cut-stream.zip", raw([(b"a", deflated(text)[:-2], 8, len(text), crc)])
    zeros = bytes(1 << 20)
    bomb = deflated(zeros)
    yield "bomb.zip", raw([(b"a", bomb, 8, len(zeros), zlib.crc32(zeros))])
    yield "lying-bomb.zip", raw([(b"a", bomb, 8, 0x7FFFFFFF, 0)])
    yield "overlap.zip", raw([(b"a", text, 0, len(text), crc), (b"b", text, 0, len(text), crc, 0)])
    yield "same-name.zip", raw([(b"a", b"", 0, 0, 0), (b"a", b"", 0, 0, 0)])
    yield "traversal.zip", raw([(b"../a", b"", 0, 0, 0)])
    yield "methods.zip", raw([(b"a", b"x", 12, 1, 0), (b"b", b"x", 99, 1, 0)])
    yield "code-page.zip", raw([(b"\x80\xe1\xff", b"x", 0, 1, zlib.crc32(b"x"))])
    yield "tiny-members.zip", raw([(str(i).encode(), b"", 0, 0, 0) for i in range(40)])
    yield "accents.zip", archive([(ACCENTS * 1000, b"", stored)])
    small, fortran = numpy.arange(6, dtype="<f4").reshape(2, 3), numpy.asfortranarray(numpy.eye(3))
    yield "savez.npz", saved(numpy.savez, a=small, b=fortran, c=numpy.array("text"))
    yield "savez-compressed.npz", saved(numpy.savez_compressed, w=small, z=numpy.zeros((64, 64)))
    members = [
        ("a.npy", npy_of("'<f8'", "(2,)", "False", bytes(range(16))), packed),
        ("no-array.txt", b"text", stored),
        ("damaged.npy", npy_of("'<f8'", "(3,)", "False", bytes(16)), packed),
        ("objects.npy", npy_of("'|O'", "(1,)", "False", b"\x80\x04N."), stored),
        ("long.npy", npy(b"{" + b" " * 5000 + b"'descr': '>f4', 'fortran_order': True, 'shape': (1, 2)}",
                         1, bytes(8)), packed),
        ("followed.npy", npy_of("'|u1'", "(1,)", "False", b"ab"), packed),
        ("flywheel.metadata.npy", npy_of("'|u1'", "(2,)", "False", b"{}"), stored),
    ]
    yield "members.npz", archive(members)
    document = b'{"tensors":{"h":{"dtype":"bfloat16"},"q":{"dtype":"float8_e5m2"},"x":{"dtype":"bfloat16"}}}'
    yield "true-types.npz", archive(
        [
            ("h.npy", npy_of("'<V2'", "(2, 3)", "True", bytes(range(12))), packed),
            ("q.npy", npy_of("'|V1'", "(2,)", "False", b"ab"), stored),
            ("x.npy", npy_of("'|V1'", "(2,)", "False", b"ab"), stored),
            ("flywheel.metadata.npy", npy_of("'|u1'", f"({len(document)},)", "False", document), packed),
        ]
    )


def pickles():
    fixture = Path(__file__).resolve().parents[1] / "Fixtures" / "pickles" / "pickles.json"
    for case in json.loads(fixture.read_text()):
        content = bytes.fromhex(case["bytes"])
        if len(content) < 2000:
            yield case["name"].replace(", protocol ", "-").replace("'", "").replace(" ", "-") + ".pkl", content
    nested = []
    for _ in range(30):
        nested = [nested, nested]
    yield "laughs.pkl", pickle.dumps(nested, 2)
    recursive = [{}]
    recursive[0]["self"] = recursive
    yield "recursive.pkl", pickle.dumps(recursive, 2)
    yield "back-to-back.pkl", pickle.dumps(1001, 2) + pickle.dumps({"little_endian": True}, 2)
    yield "call.pkl", b"\x80\x02cos\nsystem\nX\x02\0\0\0id\x85R."
    yield "no-header.pkl", b"}(U\x01a\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\0K\x01]K\x02Nu."
    yield "place.pkl", b"\x80\x02Nr\xff\xff\xff\xff."
    yield "surrogate.pkl", pickle.dumps("\ud800", 2)
    yield "accents.pkl", pickle.dumps(ACCENTS * 1000, 2)


def safetensors(header, data=b"", length=None):
    encoded = header.encode() if isinstance(header, str) else header
    return struct.pack("<Q", len(encoded) if length is None else length) + encoded + data


def safetensors_tensor(dtype, shape, begin, end):
    return f'{{"dtype":"{dtype}","shape":{shape},"data_offsets":[{begin},{end}]}}'


def safetensors_files():
    tensor = safetensors_tensor
    yield "empty.safetensors", safetensors("{}      ")
    yield "spaces.safetensors", safetensors("\t\n{}\r ")
    sizes = {"U64": 64, "F64": 64, "C64": 64, "F32": 32, "BF16": 16, "F16": 16, "I16": 16, "F8_E4M3": 8,
             "F8_E8M0": 8, "F8_E5M2FNUZ": 8, "U8": 8, "F6_E3M2": 6, "F4": 4, "BOOL": 8}  # fmt: skip
    members, begin = [], 0
    for dtype, bits in sizes.items():
        members.append(f'"{dtype}":{tensor(dtype, "[2,2]", begin, begin + bits // 2)}')
        begin += bits // 2
    header = '{"__metadata__":{"format":"pt"},' + ",".join(members) + "}"
    yield "types.safetensors", safetensors(header, bytes(number % 2 for number in range(begin)))
    yield "order.safetensors", safetensors(
        f'{{"b":{tensor("U8", "[2]", 1, 3)},"a":{tensor("U8", "[1]", 0, 1)},"e":{tensor("F64", "[0]", 1, 1)}}}', b"abc"
    )
    yield "unaligned.safetensors", safetensors(
        f'{{"a":{tensor("U8", "[]", 0, 1)},"b":{tensor("F64", "[1]", 1, 9)}}}', bytes(9)
    )
    yield "truth.safetensors", safetensors(f'{{"t":{tensor("BOOL", "[3]", 0, 3)}}}', b"\0\1\2")
    yield "more.safetensors", safetensors(
        '{"t":{"x":[{"y":null}],"shape":[],"data_offsets":[0,1],"dtype":"U8"},"__metadata__":null}', b"a"
    )
    yield "names.safetensors", safetensors(
        f'{{"\\u0061\\n\\ud83d\\ude00":{tensor("U8", "[0]", 0, 0)},"\u00e9":{tensor("U8", "[0]", 0, 0)}}}'
    )
    yield "same-name.safetensors", safetensors(
        f'{{"\u00e9":{tensor("U8", "[0]", 0, 0)},"e\u0301":{tensor("U8", "[0]", 0, 0)}}}'
    )
    yield "twice.safetensors", safetensors(
        f'{{"a":{tensor("U8", "[1]", 0, 1)},"a":{tensor("U8", "[1]", 0, 1)}}}', b"a"
    )
    yield "gap.safetensors", safetensors(f'{{"a":{tensor("U8", "[1]", 1, 2)}}}', b"ab")
    yield "overlap.safetensors", safetensors(
        f'{{"a":{tensor("U8", "[2]", 0, 2)},"b":{tensor("U8", "[2]", 1, 3)}}}', b"abc"
    )
    yield "cut.safetensors", safetensors(f'{{"a":{tensor("F32", "[9]", 0, 36)}}}', b"abc")
    yield "too-many.safetensors", safetensors(f'{{"a":{tensor("U8", "[4294967296,4294967296]", 0, 1)}}}', b"a")
    yield "half-a-byte.safetensors", safetensors(f'{{"a":{tensor("F4", "[3]", 0, 2)}}}', b"ab")
    yield "length.safetensors", safetensors("{}", length=(1 << 64) - 1)
    yield "depth.safetensors", safetensors('{"a":{"b":' + "[" * 100)
    yield "accents.safetensors", safetensors(f'{{"a{ACCENTS * 1000}":1}}')


def torch_archive(content, method=zipfile.ZIP_STORED, **storages):
    """A file of torch.save with a pickle, and storages of bytes under the names s0, s1, …"""
    members = [("a/data.pkl", content, method), ("a/version", b"3\n", zipfile.ZIP_STORED)]
    members += [(f"a/data/{name[1:]}", storage, method) for name, storage in storages.items()]
    return archive(members)


def text(content):
    return b"X" + struct.pack("<I", len(content)) + content


def view(storage, offset=0, count=1, stride=1, size=1):
    """A tensor of bytes in a storage, as a pickle has it."""
    numbers = [struct.pack("<BI", ord("J"), number) for number in (size, offset, count, stride)]
    identifier = b"(" + text(b"storage") + b"ctorch\nByteStorage\n" + text(storage) + text(b"cpu") + numbers[0] + b"tQ"
    arguments = numbers[1] + numbers[2] + b"\x85" + numbers[3] + b"\x85\x89ccollections\nOrderedDict\n)R"
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + identifier + arguments + b"tR"


def distributed(chunks, paths, name="x"):
    """Metadata of a distributed checkpoint: a tensor of two rows in chunks, and a number, each the whole of the file
    that follows."""
    saved = io.BytesIO()
    torch.save(torch.arange(6.0).reshape(2, 3), saved)
    count = len(saved.getvalue())
    properties = metadata.TensorProperties(torch.float32)
    tensor = metadata.TensorStorageMetadata(
        properties, torch.Size([2 * len(chunks), 3]),
        [metadata.ChunkStorageMetadata(torch.Size([row, 0]), torch.Size([2, 3])) for row in chunks],
    )  # fmt: skip
    places = {
        metadata.MetadataIndex(name, torch.Size([row, 0])): _StorageInfo(f"__{row}_0.distcp", 0, count)
        for row in chunks
    }
    places[metadata.MetadataIndex("lr")] = _StorageInfo("__9_0.distcp", 0, count)
    listed = {name: tensor, "lr": metadata.BytesStorageMetadata()}
    return pickle.dumps(metadata.Metadata(listed, paths, places)) + saved.getvalue()


def torch_files():
    header, long = b"\x80\2", b"long" * 500
    stored, deflate = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED
    # PyTorch names the storages of the old format by their addresses.
    fixtures = Path(__file__).resolve().parents[1] / "Fixtures" / "torch"
    yield "stream.pt", (fixtures / "old-view.pt").read_bytes()
    views = header + b"}(" + b"".join(text(b"%d" % n) + view(b"%d" % (n % 2), n, size=1000) for n in range(8)) + b"u."
    for name, method in (("views.pt", stored), ("views-deflated.pt", deflate)):
        yield name, torch_archive(views, method, s0=bytes(1000), s1=b"\1" * 1000)
    tensors = text(b"a") + view(b"0", count=3, size=3) + text(b"wide") + view(b"0", count=100_000, stride=0, size=3)
    yield "expanded.pt", torch_archive(header + b"}(" + tensors + b"u.", s0=b"abc")
    # Short files that say a great deal.
    for name, content in {
        "texts-in-a-list": b"}(" + text(b"x") + b"](" + text(long) + b"q\0" + b"h\0" * 4_000 + b"eu",
        "texts-in-a-key": b"}((" + text(long) + b"q\0" + b"h\0" * 4_000 + b"tNu",
        "texts-as-keys": b"](" + text(long) + b"q\0" + b"}(h\0NNNu" * 1_500 + b"e",
        "odd-keys": b"](}(" + b")\x85N" * 1_000 + b"uq\0" + b"h\0" * 1_000 + b"e",
        "lists": b"]q\0" + b"".join(b"](" + b"h%c" % n * 9 + b"eq%c" % (n + 1) for n in range(20)),
        "sizes": b"}(" + text(b"x") + b"ctorch\nSize\n(((" + b"K\1" * 500 + b"tttRu",
    }.items():
        yield f"{name}.pt", torch_archive(header + content + b".")
    yield "nones.pt", torch_archive(header + b"N" * 2_000_000 + b".", deflate)
    yield "few-nones.pt", torch_archive(header + b"(" + b"N" * 100_000 + b"t.", deflate)
    yield "whole.distcp", distributed([0], {"x": ("x",), "lr": ("optim", "param_groups", 0, "lr")})
    yield "two-chunks.distcp", distributed([0, 2], {"x": ("x",), "lr": ("lr",)})
    yield "overlap.distcp", distributed([0, 1], None)
    yield "long-path.distcp", distributed([0], {"a" * 2_000: ("a" * 2_000,) * 2_000}, "a" * 2_000)


def main():
    for kind, inputs in (
        ("hdf5", hdf5_inputs.files),
        ("json", json_documents),
        ("npy", npy_files),
        ("pickle", pickles),
        ("safetensors", safetensors_files),
        ("torch", torch_files),
        ("zip", zip_archives),
    ):
        directory = Path(sys.argv[1]) / kind
        directory.mkdir(parents=True, exist_ok=True)
        for name, content in inputs():
            encoded = content.encode() if isinstance(content, str) else content
            (directory / name).write_bytes(encoded)


if __name__ == "__main__":
    main()
