/** Tags that are none of entities, texts of any length, vocabularies that are none. */
import test from 'ava'
import { data, RnnativeError, SequenceTagger } from 'rnnative'

const sentences = await data.parseConll(
  'Anna B-person\nlikes O\nRome B-place\n\nBob B-person\nsleeps O\n',
)
const speech = await data.parseConll('Anna PROPN\nsleeps VERB\n')
const vocabulary = SequenceTagger.vocabulary(sentences)
const make = () => new SequenceTagger({ vocabulary, hidden: 4, embedding: 4, seed: 1 })

const refused = (message: RegExp) => ({ instanceOf: RnnativeError, code: 'ERR_ARGUMENT', message })

test('parts of speech are no entities, unless the scheme says that all tags are', async (t) => {
  const words =
    'expected O or a tag such as B-place (with the scheme none all are tags), got "PROPN"'
  const told = (op: string, name: string) =>
    refused(
      new RegExp(
        `^\\[${op}\\] ${name.replaceAll(/[[\]()]/g, '\\$&')}: ${words.replaceAll(/[()]/g, '\\$&')}$`,
      ),
    )
  t.throws(() => SequenceTagger.vocabulary(speech), told('vocabulary', 'sentences[0].tags[0]'))
  for (const tag of ['B', 'B-', 'X-place', '-place', 'b-place'])
    t.throws(
      () => SequenceTagger.vocabulary([{ words: ['a'], tags: [tag] }]),
      refused(/sentences\[0\]\.tags\[0\]: expected O or a tag/),
      tag,
    )
  t.deepEqual(SequenceTagger.vocabulary(speech, { scheme: 'none' }).types, ['PROPN', 'VERB'])
  await using tagger = make()
  const run = async () => await tagger.fit(speech, { maxSteps: 1 })
  await t.throwsAsync(run, told('fit', 'sentences[0].tags[0]'))
  await t.throwsAsync(tagger.evaluate(speech), told('evaluate', 'sentences[0].tags[0]'))
})

test('a text of any length is cut as its lines are, in time of its length', async (t) => {
  await using tagger = make()
  const line = 'Anna likes Rome, and Bob sleeps. '
  const [once] = await tagger.tag([line])
  const [often] = await tagger.tag([line.repeat(3000)])
  t.is(often?.words.length, 3000 * (once?.words.length ?? NaN))
  t.deepEqual(often?.words.slice(-8), once?.words)
})

test('learnVocabulary gives what vocabulary gives, of any length, and takes what sentences are when it is called', async (t) => {
  const many = Array.from({ length: 2000 }, (_, i) => ({
    words: ['Anna', `word${i % 300}`, `Ort${i}`],
    tags: ['B-person', 'O', i % 2 ? 'B-place' : 'B-x'],
  }))
  const vectors = { size: 2, words: () => ['ort1', 'new'], get: () => new Float32Array(2) }
  const expected = SequenceTagger.vocabulary(many, { vectors })
  t.is(expected.frequent, 8) // digits are all 0
  t.deepEqual(expected.words.slice(0, 2), ['anna', 'word000'])
  t.is(expected.words.at(-1), 'new')
  t.deepEqual(expected.types, ['person', 'place', 'x'])
  const learning = SequenceTagger.learnVocabulary(many, { vectors })
  many.length = 1
  t.deepEqual(await learning, expected)
})

test('a vocabulary whose words repeat, or that has fewer than are frequent, is none', (t) => {
  const none = refused(/vocabulary: expected what SequenceTagger.vocabulary gives/)
  const wrong = [
    { words: ['a', 'a'], frequent: 0 },
    { types: ['place', 'place'] },
    { frequent: 1.5 },
    { frequent: -1 },
    { frequent: 1000 },
  ]
  for (const own of wrong)
    t.throws(() => new SequenceTagger({ vocabulary: { ...vocabulary, ...own } }), none)
})
