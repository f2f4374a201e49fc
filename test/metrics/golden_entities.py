"""Makes golden_entities.json: what seqeval (strict) and conlleval say of ten awkward files.

    pip install seqeval==1.2.2, and conlleval.py of https://github.com/spyysalo/conlleval.py beside it
    PYTHONPATH=... python3 test/metrics/golden_entities.py
"""

import json
import pathlib
import random
import warnings

import conlleval
from seqeval.metrics import classification_report
from seqeval.scheme import IOB1, IOB2, IOBES

warnings.filterwarnings("ignore")
SCHEMES = {"bio": IOB2, "iob1": IOB1, "iobes": IOBES}


def noise(seed, prefixes, types, sentences, right):
    """Random tags, and the same with some others in their places."""
    rng = random.Random(seed)

    def tag():
        prefix = rng.choice(prefixes)
        return "O" if prefix == "O" else f"{prefix}-{rng.choice(types)}"

    gold = [[tag() for _ in range(rng.randint(1, 12))] for _ in range(sentences)]
    return gold, [[x if rng.random() < right else tag() for x in one] for one in gold]


def words(*lines):
    return [line.split() for line in lines]


FILES = {
    "whole": ("bio", words("B-PER I-PER O B-LOC", "O O", "B-ORG"), words("B-PER I-PER O B-LOC", "O B-LOC", "B-PER")),
    "inside without a beginning": ("bio", words("I-PER I-PER O I-LOC", "O I-ORG"), words("B-PER I-PER O B-LOC", "O I-ORG")),
    "types that change": ("bio", words("B-PER I-LOC I-LOC B-ORG", "I-A I-B I-A"), words("B-PER I-PER I-LOC I-ORG", "B-A B-B B-A")),
    "hyphens in types": ("bio", words("B-creative-work I-creative-work O B-a-b-c"), words("B-creative-work I-creative-work O B-a-b")),
    "nothing is found": ("bio", words("B-PER O", "O"), words("O O", "O")),
    "nothing is there": ("bio", words("O O", "O"), words("O B-PER", "O")),
    "neighbours in the older scheme": ("iob1", words("I-PER B-PER I-PER O I-LOC I-ORG", "B-LOC O"), words("I-PER I-PER I-PER O I-LOC I-ORG", "I-LOC O")),
    "ends and singles": ("iobes", words("B-PER E-PER S-LOC O B-ORG I-ORG E-ORG", "S-A S-A"), words("B-PER E-PER S-LOC O B-ORG E-ORG O", "S-A B-A")),
    "noise": ("bio", *noise(1, "BIO", ["A", "B", "C"], 60, 0.7)),
    "noise of the older scheme": ("iob1", *noise(2, "BIIO", ["A", "B"], 60, 0.7)),
    "noise of ends and singles": ("iobes", *noise(3, "BIESO", ["A", "B"], 80, 0.8)),
}


def rates(values):
    return {
        "precision": float(values["precision"]),
        "recall": float(values["recall"]),
        "f1": float(values["f1-score"]),
        "support": int(values["support"]),
    }


def strict(gold, predicted, scheme):
    report = classification_report(
        gold, predicted, mode="strict", scheme=SCHEMES[scheme], output_dict=True, zero_division=0
    )
    types = {name: rates(one) for name, one in report.items() if not name.endswith(" avg")}
    return {**rates(report["micro avg"]), "perType": types}


def loose(gold, predicted):
    lines = []
    for own, found in zip(gold, predicted):
        lines += [f"w {a} {b}" for a, b in zip(own, found)] + [""]
    counts = conlleval.evaluate(lines)

    def told(*numbers):  # right, found, there
        m = conlleval.calculate_metrics(*numbers)
        return {"precision": m.prec, "recall": m.rec, "f1": m.fscore}

    right, found, there = counts.t_correct_chunk, counts.t_found_guessed, counts.t_found_correct
    return {
        **told(counts.correct_chunk, counts.found_guessed, counts.found_correct),
        "accuracy": counts.correct_tags / counts.token_counter,
        "perType": {t: told(right[t], found[t], there[t]) for t in sorted({*found, *there})},
    }


cases = []
for name, (scheme, gold, predicted) in FILES.items():
    case = {"name": name, "scheme": scheme, "gold": gold, "predicted": predicted}
    try:
        case["strict"] = strict(gold, predicted, scheme)
    except ValueError:  # seqeval has no report of nothing
        case["strict"] = None
    cases.append({**case, "conlleval": loose(gold, predicted)})
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps(cases, ensure_ascii=False) + "\n")
