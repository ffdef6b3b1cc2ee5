"""Runs questions and writes down what they answer."""

import datetime
import importlib
import json
import os
import pathlib
import platform
import shutil
import sys

import measure

HERE = pathlib.Path(__file__).resolve().parent
QUESTIONS = ["doget", "doput", "roundtrip", "tpch", "http", "size"]


def markdown(report):
    lines = [f"Machine: {report['machine']}; {report['rounds']} rounds; {report['date']}.", ""]
    for name, answer in report["answers"].items():
        lines.append(f"## {name}")
        rows = answer.get("results")
        if rows:
            columns = sorted({key for row in rows for key in row}, key=lambda key: (key != "side", key))
            lines.append("| " + " | ".join(columns) + " |")
            lines.append("|" + "---|" * len(columns))
            lines += ["| " + " | ".join(str(row.get(key, "")) for key in columns) + " |" for row in rows]
            lines += [f"eider is {ratio['best']} × as fast as {peer} (median {ratio['median']} ×)" for peer, ratio in answer["ratio"].items()]
        else:
            lines += [f"- {key}: {value}" for key, value in answer.items()]
        lines.append("")
    return "\n".join(lines)


def main(names):
    measure.CACHE.mkdir(parents=True, exist_ok=True)
    count = int(os.environ.get("BENCH_ROUNDS", "5"))
    report = {
        "date": datetime.date.today().isoformat(),
        "machine": f"{os.cpu_count()} processors, {platform.machine()}",
        "rounds": count,
        "answers": {},
    }
    for name in names or QUESTIONS:
        print(f"{name}:", file=sys.stderr)
        report["answers"].update(importlib.import_module(f"question_{name}").run(count))
        for leftover in measure.CACHE.glob("eider-bench-*"):
            shutil.rmtree(leftover)
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    (results / "latest.json").write_text(json.dumps(report, indent=1) + "\n")
    (results / "latest.md").write_text(markdown(report) + "\n")
    print(markdown(report))


if __name__ == "__main__":
    sys.path.insert(0, str(HERE))
    main(sys.argv[1:])
