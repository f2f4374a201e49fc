/** Models over a `Seq2Seq`: a run of one is not continued as that of another. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { Autoencoder, Dialogue, RnnativeError, Seq2Seq, Tokenizer } from 'rnnative'

const temporary = () => join(mkdtempSync(join(tmpdir(), 'rnnative-')), 'run')

const conversations = [
  ['hello', 'hi there'],
  ['bye', 'see you'],
]
const texts = conversations.flat()
const tokenizer = Tokenizer.words(texts.join('\n'), { minCount: 1 }).withBoundaries()
const sizes = { hidden: 4, seed: 1 }

const refused = (message: RegExp) => ({ instanceOf: RnnativeError, code: 'ERR_ARGUMENT', message })

test('a dialogue goes on with the turns and the blank answers that it began with', async (t) => {
  const checkpoint = temporary()
  const make = (context: number) => new Dialogue({ tokenizer, context, ...sizes })
  await using bot = make(2)
  await bot.fit(conversations, { maxSteps: 1, checkpoint })
  await using other = make(1)
  const more = { maxSteps: 2, checkpoint, resume: true }
  // Of two turns there is no more to read before the last: the pairs are the same.
  await t.throwsAsync(
    async () => await other.fit(conversations, more),
    refused(/^\[resume\] context: the checkpoint was made with 2, got 1$/),
  )
  await t.throwsAsync(
    async () => await bot.fit(conversations, { ...more, blank: 0.9 }),
    refused(/^\[resume\] blank: the checkpoint was made with 0.1, got 0.9$/),
  )
  await using translator = new Seq2Seq({
    ...{ source: tokenizer, target: tokenizer, tieEmbeddings: 'all', ...sizes },
  })
  await t.throwsAsync(
    async () => await translator.fit(conversations as [string, string][], more),
    refused(/^\[resume\] family: the checkpoint was made with "Dialogue", got "Seq2Seq"$/),
  )
  t.is((await bot.fit(conversations, more)).step, 2)
})

test('an autoencoder goes on with its task', async (t) => {
  const checkpoint = temporary()
  const make = (task: 'repeat' | 'next') => new Autoencoder({ tokenizer, task, ...sizes })
  await using auto = make('repeat')
  await auto.fit(texts, { maxSteps: 1, checkpoint })
  await using other = make('next')
  await t.throwsAsync(
    async () => await other.fit(texts, { maxSteps: 2, checkpoint, resume: true }),
    refused(/^\[resume\] task: the checkpoint was made with "repeat", got "next"$/),
  )
})
