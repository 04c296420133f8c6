"""Prints what `kantor bench ... --json FILE` counted: bytes and launches of each row, without the times.

    bench_rows.py FILE WORDS ...      rows whose name begins with one of the words
"""
import json
import sys

for row in json.load(open(sys.argv[1]))["rows"]:
    name = ", ".join(row[key] for key in ("name", "constraint") if row.get(key))
    if name.startswith(tuple(sys.argv[2:])):
        size = f"{row['bytes'] / 1e6:.2f} MB, " if row.get("bytes") else ""
        print(f"{name}, {row['size']}: {size}launches: {row['launches']}")
