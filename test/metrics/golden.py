"""Makes golden.json: what sacreBLEU gives for made-up hypotheses and references.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install sacrebleu==2.6.0
    /tmp/venv/bin/python test/metrics/golden.py
"""

import json
import pathlib
import random

import sacrebleu
from sacrebleu.metrics import BLEU, CHRF, TER

PLAIN = [
    "The quick brown fox jumps over the lazy dog.",
    "It costs $3.50, not 4,000.75 - really?",
    'He said: "I don\'t know..." (and left at 10-11 a.m.).',
    "Ein kleines Mädchen klettert in ein Spielhaus aus Holz.",
    "Zwei Männer; einer - der Ältere - lacht, der andere schweigt!",
    "Caf\u00e9 &quot;L&apos;\u00c9toile&quot; &amp;lt; R&amp;D &lt;b&gt;",
    "\u6211\u559c\u6b22\u5b66\u4e60\u4e2d\u6587\u3002 \u4f60\u5462\uff1f",
    "Emoji \U0001f600.\U0001f600, flags \U0001f1e9\U0001f1ea and e\u0301 marks",
    "tabs\tand\u00a0other\u2003spaces \u3000 between\u0085words\x1cof any\ufeffkind",
    "state-of-the-art 2-year-old 3.14.15 ,leading trailing, [x]{y}`z`~@#%^*_+=|\\/<>",
    "a",
    "a b a b a b a b c",
    "punctuation.at.the.end...",
    "(hi) 'quoted' --dashes-- 1,000",
    "<skipped> hyphen-\nated line\nbreak-\n",
    "",
]
WORDS = "the a small red dog cat house runs sits on in under big old , . man woman child sees".split()


def noisy(rng, tokens):
    """Tokens with some dropped, doubled, replaced and a run of them moved."""
    out = []
    for token in tokens:
        change = rng.random()
        if change < 0.08:
            continue
        out.append(rng.choice(WORDS) if change < 0.16 else token)
        if change > 0.94:
            out.append(token)
    if len(out) > 3 and rng.random() < 0.7:
        start = rng.randrange(len(out) - 1)
        run = out[start : start + rng.randint(1, 5)]
        rest = out[:start] + out[start + len(run) :]
        target = rng.randrange(len(rest) + 1)
        out = rest[:target] + run + rest[target:]
    return out


def corpora():
    rng = random.Random(1)
    yield "plain, one reference", PLAIN, [[t] for t in PLAIN]
    yield "plain, its neighbour", PLAIN, [[t] for t in PLAIN[1:] + PLAIN[:1]]
    both = [[a, b] for a, b in zip(PLAIN[1:] + PLAIN[:1], PLAIN)]
    yield "plain, two references", [t.upper() for t in PLAIN], both
    yield "plain, varying references", PLAIN, [[t] if i % 2 else [t[::-1], t] for i, t in enumerate(PLAIN)]
    yield "empty hypotheses", ["", ""], [["a b c"], ["d"]]
    yield "empty references", ["a b c", ""], [[""], [""]]
    yield "empty hypotheses and references", [""], [[""]]
    yield "no match", ["a b c d e"], [["v w x y z"]]
    yield "unigrams only", ["a b c d e"], [["e d c b a"]]
    yield "short", ["a b"], [["a b"]]
    yield "longer than the reference", ["the the the the the the the"], [["the cat is on the mat"]]
    for references in (1, 2, 3):
        hypotheses, all_references = [], []
        for _ in range(25):
            truth = [rng.choice(WORDS) for _ in range(rng.randint(1, 22))]
            hypotheses.append(" ".join(noisy(rng, truth)))
            all_references.append([" ".join(noisy(rng, truth)) for _ in range(references)])
        yield f"noisy, {references} references", hypotheses, all_references
    for i in range(40):  # one sentence each, so that shifts show one by one
        truth = [rng.choice(WORDS[: rng.randint(3, 20)]) for _ in range(rng.randint(2, 30))]
        yield f"sentence {i}", [" ".join(noisy(rng, truth))], [[" ".join(truth)]]
    words = [f"w{i}" for i in range(130)]  # beyond the band, the longest shift and the farthest
    yield "far shift", [" ".join(words[60:] + words[:60])], [[" ".join(words)]]
    yield "lengths differ much", [" ".join(words[100:104])], [[" ".join(words)]]
    yield "lengths differ much, reversed", [" ".join(words)], [[" ".join(words[100:104])]]
    yield "too many candidates", ["a b " * 30], [["b a c " * 25]]


def score(metric, hypotheses, references):
    count = max(map(len, references))
    streams = [[r[i] if i < len(r) else None for r in references] for i in range(count)]
    result = metric.corpus_score(hypotheses, streams)
    found = {"score": result.score, "signature": str(metric.get_signature())}
    if isinstance(metric, BLEU):
        found |= {
            "precisions": result.precisions,
            "brevityPenalty": result.bp,
            "hypothesisLength": result.sys_len,
            "referenceLength": result.ref_len,
        }
    if isinstance(metric, TER):
        found |= {"edits": result.num_edits}
    return found


def main():
    cases = []
    for name, hypotheses, references in corpora():
        metrics = {
            "bleu13a": BLEU(),
            "bleuNone": BLEU(tokenize="none", force=True),
            "bleuLowercase": BLEU(lowercase=True),
            "chrf": CHRF(),
            "chrfPlusPlus": CHRF(word_order=2),
            "chrfLowercase": CHRF(lowercase=True),
            "ter": TER(),
        }
        scores = {key: score(metric, hypotheses, references) for key, metric in metrics.items()}
        cases.append(
            {"name": name, "hypotheses": hypotheses, "references": references, "scores": scores}
        )
    path = pathlib.Path(__file__).parent / "golden.json"
    made_by = json.dumps(f"sacrebleu {sacrebleu.__version__}")
    lines = ",\n".join(json.dumps(case) for case in cases)
    path.write_text(f'{{"madeBy": {made_by}, "cases": [\n{lines}\n]}}\n')
    print(len(cases), "cases,", path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
