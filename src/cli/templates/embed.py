"""Writes the templates of `eider new` as C: embed.py OUTPUT FILE... Each FILE is .../templates/TEMPLATE/PATH; a part of PATH that
begins with dot- has a dot instead, so that git does not obey the .gitignore of a template."""

import re
import sys

target, *sources = sys.argv[1:]
out = []
rows = []
for number, source in enumerate(sorted(sources)):
    template, path = re.search(r"templates/([^/]+)/(.+)$", source).groups()
    path = re.sub(r"(^|/)dot-", r"\1.", path)
    data = open(source, "rb").read()
    out.append(f"static const unsigned char new_file_{number}[] = {{{','.join(map(str, data + bytes(1)))}}};\n")
    rows.append(f'    {{"{template}", "{path}", new_file_{number}, {len(data)}}},\n')
with open(target, "w") as file:
    file.writelines(out)
    file.write("static const struct new_file new_files[] = {\n" + "".join(rows) + "};\n")
