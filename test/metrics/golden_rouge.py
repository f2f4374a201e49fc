"""Makes golden_rouge.json: what rouge-score gives for made-up summaries and references, and its stems of awkward words.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install rouge-score==0.1.2
    /tmp/venv/bin/python test/metrics/golden_rouge.py
"""

import json
import pathlib
import random

from nltk.stem import porter
from rouge_score import rouge_scorer

TEXTS = [
    "The quick brown foxes were jumping over the lazy dogs.",
    "It's costing $3.50, not 4,000.75 - really? (state-of-the-art 2-year-old)",
    "under_scores, CamelCase, iPhone11 and e-mails",
    "Ein kleines M\u00e4dchen klettert \u00fcber den Zaun; \u0130stanbul, 300 \u212a, \ufb01ne na\u00efve caf\u00e9s",
    "\u6211\u559c\u6b22\u5b66\u4e60\u4e2d\u6587\u3002",
    "Emoji \U0001f600 and e\u0301 marks\u2028on lines\x85\x1cbetween\u3000spaces",
    "the the the the the the the",
    "a",
    "...",
    "",
    "   \n\t ",
    "We conditionally and hopefully propose geology, biologies, flying skies, dying ties and lied news.",
    "proceeding succeeded exceed proceed using used uses user aged ages owing says plays played happily",
    "line one.\nline two!\r\nline three? yes",
]
WORDS = "the a model models modelling learns learned learning network networks we propose proposed show , .".split()
ENDINGS = (
    "s es ed ing ly al ally fully ful ness ement ment ent ion ions ation ational tional ator izer ization ize ized "
    "iviti ivity ity ility bility able ible ably ibly ance ence ancy ency er ers ous ously ousness ive iveness y ies "
    "ied ying logy logies logist ic ical ically icate ative ated ating sses ss eed eeds ee e ee us ism ist"
).split()


def noisy(rng, tokens):
    out = []
    for token in tokens:
        change = rng.random()
        if change > 0.1:
            out.append(rng.choice(WORDS) if change < 0.3 else token)
        if change > 0.9:
            out.append(token)
    return out


def corpora():
    rng = random.Random(1)
    for i, text in enumerate(TEXTS):
        yield text, [text]
        yield text, [TEXTS[i - 1]]
        yield text.upper(), [TEXTS[i - 1], text, TEXTS[0]]
    for references in (1, 2, 3):
        for _ in range(12):
            truth = [rng.choice(WORDS) for _ in range(rng.randint(1, 25))]
            yield " ".join(noisy(rng, truth)), [" ".join(noisy(rng, truth)) for _ in range(references)]


def awkward_words():
    rng = random.Random(2)
    known = set()
    for text in TEXTS:
        known.update("".join(c if c in "abcdefghijklmnopqrstuvwxyz0123456789" else " " for c in text.lower()).split())
    for pool in porter.PorterStemmer().pool:
        known.add(pool)
    roots = "ag us ow ey ab o y c ch st str bl al log ful comput happ relat condit hop fil fail tann adjust sens rat geo bio y7 8".split()
    for root in roots:
        for ending in ENDINGS:
            known.add(root + ending)
    for _ in range(600):
        body = "".join(rng.choice("abcdefghilmnoprstuwxyz") for _ in range(rng.randint(1, 6)))
        known.add(body + rng.choice(ENDINGS))
    return sorted(word for word in known if len(word) > 3)


stemmer = porter.PorterStemmer()
cases = []
for hypothesis, references in corpora():
    scores = {}
    for stem in (False, True):
        scorer = rouge_scorer.RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=stem)
        found = scorer.score_multi(references, hypothesis)
        scores["stemmed" if stem else "plain"] = {name: list(found[name]) for name in found}
    cases.append({"hypothesis": hypothesis, "references": references, **scores})
golden = {"cases": cases, "stems": {word: stemmer.stem(word) for word in awkward_words()}}
path = pathlib.Path(__file__).with_name("golden_rouge.json")
path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
