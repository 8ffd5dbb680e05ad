"""Writes packages/server/src/gateway/constraints/SERVICE.json from botocore's service models.

The SDK's schemas say which members an operation has, but not which are required, how long a text may be, or which
values an enumeration has. botocore's models do. Only names, numbers and patterns are taken, no documentation.

    python3 -m venv /tmp/constraints && /tmp/constraints/bin/pip install 'botocore==VERSION'
    /tmp/constraints/bin/python scripts/generate-constraints.py

The version is written into each file; `--check` compares instead of writing. Keys are short because SageMaker alone has
some thousand shapes; `packages/server/src/gateway/validation/constraint-table.ts` says what each means.
"""

import json
import pathlib
import sys

import botocore
from botocore.loaders import Loader

SERVICES = {
    "sagemaker": "sagemaker",
    "sagemaker-runtime": "sagemaker-runtime",
    "sagemaker-metrics": "sagemaker-metrics",
    "cloudwatch": "cloudwatch",
    "logs": "logs",
    "sts": "sts",
    "iam": "iam",
    "ecr": "ecr",
    "application-autoscaling": "application-autoscaling",
    "sns": "sns",
}
FOLDER = pathlib.Path(__file__).resolve().parent.parent / "packages/server/src/gateway/constraints"

# A text or list cannot be shorter than 0; a number can be smaller.
WHOLE = {"integer", "long"}
NUMBERS = {"integer", "long", "float", "double"}


def table(model):
    shapes = model["shapes"]
    inputs = {name: op["input"]["shape"] for name, op in model["operations"].items() if "input" in op}
    reachable = reach(shapes, set(inputs.values()))
    kept = constrained(shapes, reachable)
    return {
        "botocore": botocore.__version__,
        "operations": {name: shape for name, shape in sorted(inputs.items()) if shape in kept},
        "shapes": {name: describe(shapes[name], kept) for name in sorted(kept)},
    }


def reach(shapes, names):
    seen, waiting = set(), list(names)
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting.extend(targets(shapes[name]))
    return seen


def targets(shape):
    members = shape.get("members", {}).values()
    return [ref["shape"] for ref in [*members, *(shape[key] for key in ("member", "key", "value") if key in shape)]]


def constrained(shapes, reachable):
    """Shapes with a limit of their own, and those that lead to one."""
    kept = {name for name in reachable if own(shapes[name])}
    while True:
        more = {name for name in reachable - kept if any(target in kept for target in targets(shapes[name]))}
        if not more:
            return kept
        kept |= more


def own(shape):
    if shape["type"] == "blob":
        return False
    # The SDK's schemas know numbers only, not that some have no fraction.
    if shape["type"] in WHOLE:
        return True
    if "min" in shape and (shape["min"] != 0 or shape["type"] in NUMBERS):
        return True
    return any(shape.get(key) for key in ("required", "pattern", "enum")) or "max" in shape


def describe(shape, kept):
    kind, out = shape["type"], {}
    if kind == "structure":
        required = set(shape.get("required", []))
        # Every member that is required or leads to a limit: name -> shape, "" where only its presence matters.
        out["s"] = {
            name: ref["shape"] if ref["shape"] in kept else ""
            for name, ref in shape.get("members", {}).items()
            if name in required or ref["shape"] in kept
        }
        if required:
            out["r"] = [name for name in shape["members"] if name in required]
    elif kind == "list":
        out["l"] = shape["member"]["shape"] if shape["member"]["shape"] in kept else ""
    elif kind == "map":
        out["k"] = shape["key"]["shape"] if shape["key"]["shape"] in kept else ""
        out["v"] = shape["value"]["shape"] if shape["value"]["shape"] in kept else ""
    for source, short in (("min", "n"), ("max", "x"), ("pattern", "p"), ("enum", "e")):
        if source in shape:
            out[short] = number(shape[source]) if source in ("min", "max") else shape[source]
    if kind in WHOLE:
        out["i"] = 1
    if shape.get("sensitive"):
        out["z"] = 1
    return out


def number(value):
    return int(value) if float(value).is_integer() else float(value)


def text(content):
    lines = [f'"botocore": {json.dumps(content["botocore"])}', f'"operations": {json.dumps(content["operations"])}']
    shapes = ",\n".join(f"{json.dumps(name)}: {json.dumps(shape)}" for name, shape in content["shapes"].items())
    return "{\n" + ",\n".join([*lines, '"shapes": {\n' + shapes + "\n}"]) + "\n}\n"


def main():
    check, stale = "--check" in sys.argv, []
    FOLDER.mkdir(parents=True, exist_ok=True)
    for service, name in SERVICES.items():
        content = text(table(Loader().load_service_model(name, "service-2")))
        path = FOLDER / f"{service}.json"
        if not check:
            path.write_text(content)
        elif not path.exists() or path.read_text() != content:
            stale.append(service)
    if stale:
        sys.exit(f"Out of date: {', '.join(stale)}. Run scripts/generate-constraints.py with botocore {botocore.__version__}.")


if __name__ == "__main__":
    main()
