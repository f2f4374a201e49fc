"""Makes ngram.txt, ngram-3.arpa and ngram-4-pruned.arpa: a text, and what KenLM's lmplz estimates of it.

    python3 test/golden/make_ngram.py DIRECTORY_OF_LMPLZ
"""

import random
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
WORDS = [consonant + vowel for consonant in 'bdgklmnprst' for vowel in 'aeiou']


def text():
    drawn = random.Random(7)
    weights = [1 / (rank + 1) for rank in range(len(WORDS))]
    lines = []
    for _ in range(160):
        words = [drawn.choices(WORDS, weights)[0]]
        while drawn.random() < 0.85:
            # Some words like what stands before them.
            near = (WORDS.index(words[-1]) * 3 + drawn.randrange(4)) % len(WORDS)
            words.append(WORDS[near] if drawn.random() < 0.6 else drawn.choices(WORDS, weights)[0])
        lines.append(' '.join(words))
    return '\n'.join(lines) + '\n'


(HERE / 'ngram.txt').write_text(text())
for name, flags in [('ngram-3', ['-o', '3']), ('ngram-4-pruned', ['-o', '4', '--prune', '0', '0', '1'])]:
    with open(HERE / 'ngram.txt') as given, open(HERE / f'{name}.arpa', 'w') as made:
        command = [f'{sys.argv[1]}/lmplz', *flags, '--discount_fallback', '-S', '100M']
        subprocess.run(command, stdin=given, stdout=made, check=True)
