"""Writes a file as a C array: embed.py INPUT OUTPUT NAME."""

import sys

source, target, name = sys.argv[1:]
data = open(source, "rb").read()
lines = [", ".join(str(byte) for byte in data[at : at + 24]) for at in range(0, len(data), 24)]
with open(target, "w") as out:
    out.write(f"static const unsigned char {name}[] = {{\n    ")
    out.write(",\n    ".join(lines))
    out.write("\n};\n")
