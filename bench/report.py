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
QUESTIONS = ["doget", "doput", "roundtrip", "tpch", "http", "size", "tls", "flightsql", "iceberg", "pipelines"]


def markdown(report):
    lines = [f"Machine: {report['machine']}.", ""]
    for name, answer in report["answers"].items():
        lines.append(f"## {name}")
        lines.append(f"{answer['date']}, {answer['rounds']} rounds.")
        lines.append("")
        rows = answer.get("results")
        if rows:
            columns = sorted({key for row in rows for key in row}, key=lambda key: (key != "side", key))
            lines.append("| " + " | ".join(columns) + " |")
            lines.append("|" + "---|" * len(columns))
            lines += ["| " + " | ".join(str(row.get(key, "")) for key in columns) + " |" for row in rows]
            lines += ["", *(f"eider is {ratio['best']} × as fast as {peer} (median {ratio['median']} ×)" for peer, ratio in answer["ratio"].items())]
        else:
            lines += [f"- {key}: {value}" for key, value in answer.items() if key not in ("date", "rounds")]
        lines.append("")
    return "\n".join(lines)


def main(names):
    measure.CACHE.mkdir(parents=True, exist_ok=True)
    count = int(os.environ.get("BENCH_ROUNDS", "5"))
    results = HERE / "results" / "latest.json"
    # What is not asked today keeps its last answer.
    answers = json.loads(results.read_text())["answers"] if results.exists() else {}
    for name in names or QUESTIONS:
        print(f"{name}:", file=sys.stderr)
        for key, answer in importlib.import_module(f"question_{name}").run(count).items():
            answers[key] = {**answer, "date": datetime.date.today().isoformat(), "rounds": count}
        for leftover in measure.CACHE.glob("eider-bench-*"):
            shutil.rmtree(leftover)
    report = {"machine": f"{os.cpu_count()} processors, {platform.machine()}", "answers": answers}
    results.parent.mkdir(exist_ok=True)
    results.write_text(json.dumps(report, indent=1) + "\n")
    results.with_suffix(".md").write_text(markdown(report) + "\n")
    print(markdown(report))


if __name__ == "__main__":
    sys.path.insert(0, str(HERE))
    main(sys.argv[1:])
