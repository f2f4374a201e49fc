"""Writes golden-classification.json: what scikit-learn says of awkward predictions. `pip install scikit-learn`, then run it."""

import json
import random
import warnings
from pathlib import Path

import sklearn
from sklearn import metrics
from sklearn.preprocessing import MultiLabelBinarizer

warnings.simplefilter("ignore")
random.seed(21)


def averages(actual, predicted):
    return {
        f"{kind}{name}": f(actual, predicted, average=kind, zero_division=0)
        for kind in ("macro", "micro", "weighted")
        for name, f in (
            ("Precision", metrics.precision_score),
            ("Recall", metrics.recall_score),
            ("F1", metrics.f1_score),
        )
    }


def single(actual, predicted):
    labels = sorted(set(actual) | set(predicted))
    p, r, f, s = metrics.precision_recall_fscore_support(actual, predicted, labels=labels, zero_division=0)
    return {
        "predicted": predicted,
        "actual": actual,
        "expected": {
            "examples": len(actual),
            "accuracy": metrics.accuracy_score(actual, predicted),
            **averages(actual, predicted),
            "labels": labels,
            "perClass": {
                label: {"precision": p[i], "recall": r[i], "f1": f[i], "support": int(s[i])}
                for i, label in enumerate(labels)
            },
            "confusion": metrics.confusion_matrix(actual, predicted, labels=labels).tolist(),
        },
    }


def several(actual, predicted):
    binarizer = MultiLabelBinarizer().fit(actual + predicted)
    a, b = binarizer.transform(actual), binarizer.transform(predicted)
    return {
        "predicted": predicted,
        "actual": actual,
        "expected": {"accuracy": metrics.accuracy_score(a, b), **averages(a, b)},
    }


def draw(names, count, right):
    actual = random.choices(names, k=count)
    return actual, [a if random.random() < right else random.choice(names) for a in actual]


def some(names):
    return sorted(random.sample(names, random.randint(0, len(names))))


def ranked(count, labels, ties):
    actual = [random.choice(labels) for _ in range(count)]
    probabilities = []
    for own in actual:
        row = [random.random() + (1 if label == own else 0) for label in labels]
        if ties:
            row = [round(x * 3) + 1 for x in row]
        probabilities.append([x / sum(row) for x in row])
    column = lambda i: [row[i] for row in probabilities]
    areas = [
        {
            "rocArea": metrics.roc_auc_score([a == label for a in actual], column(i)),
            "prArea": metrics.average_precision_score([a == label for a in actual], column(i)),
        }
        for i, label in enumerate(labels)
    ]
    return {
        "labels": labels,
        "actual": actual,
        "probabilities": probabilities,
        "perClass": areas,
        "logLoss": metrics.log_loss(actual, probabilities, labels=labels),
    }


odd = ["a", "b", "constructor", "__proto__", "", "ü"]
golden = {
    "version": sklearn.__version__,
    "single": [
        single(*draw(["no", "yes"], 40, 0.7)),
        single(*draw(odd, 60, 0.4)),
        single(["a", "a", "b"], ["c", "c", "c"]),
        single(["a"], ["a"]),
    ],
    "several": [
        several([some(odd) for _ in range(20)], [some(odd) for _ in range(20)]),
        several([[], ["a"]], [[], ["b"]]),
    ],
    "ranked": [ranked(30, ["no", "yes"], False), ranked(30, ["no", "yes"], True), ranked(40, ["a", "b", "c"], True)],
}
(Path(__file__).parent / "golden-classification.json").write_text(json.dumps(golden, indent=None, ensure_ascii=False) + "\n")
