"""Writes and reads the two file formats of arrays that Kantor takes, with nothing but the standard library: .npy (one
array) and .safetensors (several, by name). Arrays are nested lists of numbers."""
import json
import struct


def shape_of(array):
    return [len(array), *shape_of(array[0])] if isinstance(array, list) else []


def flat(array):
    return [x for part in array for x in flat(part)] if isinstance(array, list) else [float(array)]


def write_npy(path, array):
    shape = "(" + "".join(f"{n}, " for n in shape_of(array)) + ")"
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}}}"
    header += " " * (-(10 + len(header) + 1) % 64) + "\n"
    values = flat(array)
    with open(path, "wb") as out:
        out.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + struct.pack(f"<{len(values)}d", *values))


def write_safetensors(path, arrays):
    header, data = {}, b""
    for name, array in arrays.items():
        values = flat(array)
        header[name] = {"dtype": "F64", "shape": shape_of(array), "data_offsets": [len(data), len(data) + 8 * len(values)]}
        data += struct.pack(f"<{len(values)}d", *values)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text + data)


def read_safetensors(path):
    """name -> (shape, values)"""
    with open(path, "rb") as source:
        content = source.read()
    size, = struct.unpack("<Q", content[:8])
    arrays = {}
    for name, entry in json.loads(content[8:8 + size]).items():
        if name != "__metadata__":
            begin, end = (8 + size + k for k in entry["data_offsets"])
            width = {"F64": 8, "F32": 4}[entry["dtype"]]
            values = struct.unpack(f"<{(end - begin) // width}{'d' if width == 8 else 'f'}", content[begin:end])
            arrays[name] = (entry["shape"], list(values))
    return arrays
