"""Writes golden.json: what scikit-learn's classifiers say of made-up texts. `pip install scikit-learn`, then run it."""

import json
import random
from pathlib import Path

import sklearn
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import BernoulliNB, ComplementNB, MultinomialNB

random.seed(4)
words = ["constructor", "__proto__", "good", "bad", "dull", "bright", "film", "book", "toString", "a"]


def texts(count, labels):
    made = []
    for i in range(count):
        label = labels[i % len(labels)]
        weights = [1 + 4 * (j % len(labels) == i % len(labels)) for j in range(len(words))]
        made.append((" ".join(random.choices(words, weights, k=random.randint(0, 9))), label))
    return made


def case(labels, vectorizer, model, options, kind):
    learned, asked = texts(40, labels), texts(12, labels)
    rows = vectorizer.fit_transform([t for t, _ in learned])
    model.fit(rows, [l for _, l in learned])
    return {
        "kind": kind,
        "options": options,
        "learned": [{"text": t, "label": l} for t, l in learned],
        "asked": [t for t, _ in asked],
        "labels": model.classes_.tolist(),
        "probabilities": model.predict_proba(vectorizer.transform([t for t, _ in asked])).tolist(),
    }


word = {"analyzer": "word", "token_pattern": r"\S+", "lowercase": False}
ours = {"analyzer": "space", "lowercase": False}
counts = lambda **more: CountVectorizer(**{**word, **more})
tfidf = lambda **more: TfidfVectorizer(**{**word, **more})
two, three = ["no", "yes"], ["x", "y", "z"]
l1 = LogisticRegression(l1_ratio=1, C=2, solver="saga", tol=1e-9, max_iter=100000)
exact = {"tol": 1e-9, "max_iter": 10000}
cases = [
    case(two, counts(), MultinomialNB(), {**ours, "ngrams": [1]}, "NaiveBayes"),
    case(three, tfidf(ngram_range=(1, 2), sublinear_tf=True), MultinomialNB(alpha=0.3),
         {**ours, "ngrams": [1, 2], "weighting": "tf-idf", "sublinear": True, "alpha": 0.3}, "NaiveBayes"),
    case(three, counts(ngram_range=(2, 3), min_df=2, max_df=0.5), ComplementNB(alpha=0.5),
         {**ours, "ngrams": [2, 3], "minDocuments": 2, "maxDocuments": 0.5, "variant": "complement", "alpha": 0.5}, "NaiveBayes"),
    case(three, counts(), BernoulliNB(), {**ours, "ngrams": [1], "variant": "bernoulli"}, "NaiveBayes"),
    case(two, tfidf(), LogisticRegression(C=4, **exact), {**ours, "ngrams": [1], "l2": 0.25}, "MaxEnt"),
    case(three, counts(binary=True, ngram_range=(1, 2)), LogisticRegression(**exact),
         {**ours, "ngrams": [1, 2], "weighting": "binary"}, "MaxEnt"),
    case(two, TfidfVectorizer(analyzer="char", ngram_range=(1, 3)), l1,
         {"analyzer": "char", "ngrams": [1, 2, 3], "l1": 0.5, "l2": 0}, "MaxEnt"),
]
text = json.dumps({"version": sklearn.__version__, "cases": cases}, ensure_ascii=False)
(Path(__file__).parent / "golden.json").write_text(text + "\n")
