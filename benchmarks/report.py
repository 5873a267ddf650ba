"""Tables from a run: ``python -m benchmarks.report RUN.json`` writes benchmarks/results.

``make bench`` calls it. Times are the shortest of the repetitions, in seconds; memory is
in bytes. The page `chapters/benchmarks.md` reads the tables and computes ratios and
exponents from them.
"""

import csv
import json
import sys
from importlib.metadata import version
from io import StringIO
from pathlib import Path

RESULTS = Path(__file__).resolve().parent / "results"
PACKAGES = (
    *("numpy", "scipy", "scikit-learn", "torch", "curvlinops-for-pytorch", "torchdeq"),
    *("non-linear-shrinkage", "optht", "TracyWidom"),
)


def machine(run: dict) -> list[str]:
    """Lines that say how and where the run was made: sizes, processor, system, versions."""
    info = run["machine_info"]
    cpu = info["cpu"].get("brand_raw") or info["machine"]
    sizes = " at small sizes, for a quick look" if info["small"] else ""
    return [
        f"Made by `make bench`{sizes}",
        f"{cpu}, one thread; {info['system']}, Python {info['python_version']}",
        ", ".join(f"{name} {version(name)}" for name in PACKAGES),
    ]


def ratios(benchmarks: list[dict]) -> list[dict]:
    """One row a case: the shortest times of both ways, and how far their results differ."""
    rows: dict[str, dict] = {}
    for one in benchmarks:
        extra = one["extra_info"]
        row = rows.setdefault(
            one["group"], {name: extra[name] for name in ("subject", "what", "against")}
        )
        row[extra["way"]] = f"{one['stats']['min']:.4g}"
        if "difference" in extra:
            row["difference"] = f"{extra['difference']:.1e}"
    return list(rows.values())


def growth(benchmarks: list[dict]) -> list[dict]:
    """One row a function and size: its shortest time and that of its floor."""
    rows: dict[str, dict] = {}
    for one in benchmarks:
        extra = one["extra_info"]
        names = ("what", "unit", "floor", "exponent", "size")
        row = rows.setdefault(one["group"], {name: extra[name] for name in names})
        row["seconds" if extra["way"] == "library" else "floor_seconds"] = (
            f"{one['stats']['min']:.4g}"
        )
    return list(rows.values())


def accuracy(benchmarks: list[dict]) -> list[dict]:
    """One row a quantity and estimator: mean error, its spread and the time of one draw."""
    rows = []
    for one in benchmarks:
        extra = one["extra_info"]
        row = {name: extra[name] for name in ("what", "estimator", "draws")}
        row |= {name: f"{extra[name]:.4g}" for name in ("error", "spread")}
        rows.append(row | {"seconds": f"{one['stats']['min'] / extra['draws']:.4g}"})
    return rows


def memory(benchmarks: list[dict]) -> list[dict]:
    """One row a call and size: bytes added, returned, and held by the obvious way."""
    names = ("what", "instead", "size", "added", "result", "obvious")
    return [{name: one["extra_info"][name] for name in names} for one in benchmarks]


TABLES = {
    "ratio": ("ratios", ratios),
    "growth": ("growth", growth),
    "memory": ("memory", memory),
    "accuracy": ("accuracy", accuracy),
}


def table(rows: list[dict], header: list[str]) -> str:
    """Tab-separated text with commented lines above it."""
    text = StringIO()
    text.writelines(f"# {line}\n" for line in header)
    writer = csv.DictWriter(text, rows[0], delimiter="\t", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def main(path: str) -> None:
    """Write the four tables and print them."""
    run = json.loads(Path(path).read_text(encoding="utf-8"))
    RESULTS.mkdir(exist_ok=True)
    for kind, (name, rows_of) in TABLES.items():
        chosen = [one for one in run["benchmarks"] if one["extra_info"]["kind"] == kind]
        text = table(rows_of(chosen), machine(run))
        (RESULTS / f"{name}.txt").write_text(text, encoding="utf-8")
        print(text)


if __name__ == "__main__":
    main(*sys.argv[1:])
