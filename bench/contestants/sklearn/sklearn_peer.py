"""The contestant scikit-learn: a classical baseline from raw texts, learned and asked."""

import json

import sklearn
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline

from serve import serve, timed


def make(options):
    ngrams = options["ngrams"]
    terms = {"ngram_range": (ngrams[0], ngrams[-1])}
    analyzer = options["analyzer"]
    # A word is what white space leaves, as of ours; their own pattern drops words of a letter.
    terms |= {"token_pattern": r"\S+"} if analyzer == "space" else {"analyzer": analyzer}
    if options["kind"] == "naive-bayes":
        binary = options["weighting"] == "binary"
        return make_pipeline(CountVectorizer(**terms, binary=binary), MultinomialNB(alpha=options["alpha"]))
    vectorizer = TfidfVectorizer(**terms, sublinear_tf=options.get("sublinear", False))
    return make_pipeline(vectorizer, LogisticRegression(C=1 / options["l2"], max_iter=1000))


def prepare(kind, work, texts, options):
    with open(texts, encoding="utf-8") as file:
        sets = json.load(file)
    learned, asked = ([one["text"] for one in sets[part]] for part in ("learned", "asked"))
    labels = [one["label"] for one in sets["learned"]]
    actual = [one["label"] for one in sets["asked"]]
    model = make(options)
    model.fit(learned, labels)
    details = {"accuracy": model.score(asked, actual)}
    if work == "fit":
        return timed(lambda: make(options).fit(learned, labels)), details
    if work == "one":
        return timed(lambda: [model.predict_proba([text]) for text in asked[:100]]), details
    return timed(lambda: model.predict_proba(asked)), details


if __name__ == "__main__":
    serve(lambda task: prepare(**task), versions=lambda: {"sklearn": sklearn.__version__})
