"""A contestant's side of the conversation: see serve.mjs, of which this is the Python twin."""

import json
import re
import sys
import time


def timed(run):
    """A prepared task whose every run is timed by itself."""

    def runs(count):
        milliseconds = []
        for _ in range(count):
            began = time.perf_counter()
            run()
            milliseconds.append((time.perf_counter() - began) * 1e3)
        return milliseconds

    return runs


def fastest(candidates, trials=2, timed=timed):
    """The name and prepared run of the fastest of `(name, make)`; those that cannot run are left out."""
    best, errors = None, []
    for name, make in candidates:
        try:
            run = make()
            run()
            seconds = min(timed(run)(trials))
        except (RuntimeError, NotImplementedError, TypeError, ValueError) as error:
            errors.append(f"{name}: {error}")
            continue
        if best is None or seconds < best[0]:
            best = (seconds, name, run)
    if best is None:
        raise RuntimeError("; ".join(errors))
    return best[1], best[2]


def status_bytes(name):
    with open("/proc/self/status", encoding="ascii") as status:
        return int(re.search(rf"^{name}:\s+(\d+) kB", status.read(), re.M)[1]) * 1024


def peak_growth(work):
    """How far the process's peak of resident memory rises above now while `work` runs."""
    with open("/proc/self/clear_refs", "w", encoding="ascii") as refs:
        refs.write("5")  # the peak so far is forgotten
    before = status_bytes("VmHWM")
    work()
    return status_bytes("VmHWM") - before


def serve(prepare, growth=peak_growth, **methods):
    """Answers until stdin ends. `prepare(task)` answers `(runs, details)`; `growth(work)` the bytes
    that work needs at its peak."""
    prepared = None

    def replace(task):
        nonlocal prepared
        prepared = None  # frees the last one first
        prepared, details = prepare(task)
        return details

    def release():
        nonlocal prepared
        prepared = None

    methods = {
        "release": release,
        "prepare": replace,
        "run": lambda count: {"milliseconds": prepared(count)},
        "memory": lambda count: {"bytes": growth(lambda: prepared(count))},
        **methods,
    }
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"result": methods[request.pop("method")](**request) or {}}
        except Exception as error:  # whatever it is, the bench records it and goes on
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)
