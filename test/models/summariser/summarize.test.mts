import test from 'ava'
import { summarize } from 'rnnative'

const article = [
  'The river rose after days of rain.',
  'Streets near the river were under water, and schools near the river stayed closed.',
  'A bakery sold out of bread.',
  'Water from the river reached the schools.',
]

test('lead takes the first, textrank and its kin the central ones; sentences stay in order', async (t) => {
  const lead = await summarize([article], { method: 'lead', sentences: 2 })
  t.is(lead[0]?.summary, article.slice(0, 2).join(' '))
  for (const method of ['textrank', 'lexrank', 'tfidf'] as const) {
    const [made] = await summarize([article], { method, sentences: 2 })
    // The bakery has nothing to do with the rest.
    t.false(
      made?.sentences.some(({ index }) => index === 2),
      method,
    )
    t.true(made?.sentences.every(({ score }) => score > 0 && Number.isFinite(score)))
  }
  const whole = await summarize([article], { sentences: 9 })
  t.is(whole[0]?.summary, article.join(' '))
})

test('textrank is the eigenvector of likenesses, made by hand', async (t) => {
  const [made] = await summarize([['here rain', 'here wind', 'wind came from north']], {
    sentences: 3,
  })
  // Cosines of the words that are there: 1/2 and 1/sqrt(8). The middle one is like both.
  const [ab, bc] = [1 / 2, 1 / Math.sqrt(8)]
  let shares = [1 / 3, 1 / 3, 1 / 3]
  for (let round = 0; round < 200; ++round) {
    const [x, y, z] = shares as [number, number, number]
    const flow = [(y * ab) / (ab + bc), x + z, (y * bc) / (ab + bc)]
    shares = flow.map((share) => 0.05 + 0.85 * share)
  }
  for (const [i, { score }] of (made?.sentences ?? []).entries())
    t.true(Math.abs(score - (shares[i] as number)) < 1e-6, `${i}: ${score}, ${shares[i]}`)
})

test('texts are cut into sentences: abbreviations, wrapped lines, Chinese; awkward documents get an answer', async (t) => {
  const cut = async (text: string) => {
    const [made] = await summarize([text], { method: 'lead', sentences: 99 })
    return made?.sentences.map((one) => one.text)
  }
  t.deepEqual(await cut('Dr. J. Smith et al. We saw e.g. Fig. 2 of it. Then\nwe left! '), [
    'Dr. J. Smith et al. We saw e.g. Fig. 2 of it.',
    'Then we left!',
  ])
  t.deepEqual(await cut('Title\n\nA text. Its end'), ['Title', 'A text.', 'Its end'])
  const [chinese] = await summarize(['河水上涨。学校关闭！面包店关门了。'], { sentences: 2 })
  t.is(chinese?.sentences.length, 2)
  t.false(chinese?.summary.includes(' '))
  for (const method of ['textrank', 'lexrank', 'lead', 'tfidf'] as const) {
    const odd = [
      '',
      ' \n',
      '... !?',
      'one',
      ['', ''],
      [],
      ['same', 'same'],
      ['__proto__ constructor', 'x'],
    ]
    const made = await summarize(odd, { method })
    t.is(made.length, odd.length)
    t.deepEqual(made[0], { summary: '', sentences: [] })
    t.true(made.every(({ sentences }) => sentences.every(({ score }) => Number.isFinite(score))))
    t.is(made[6]?.sentences[0]?.index, 0)
  }
})

test('a summary depends on its document alone, and long ones leave the event loop to others', async (t) => {
  const alone = await summarize([article])
  t.deepEqual((await summarize([['x y'], article, ['y z']]))[1], alone[0])
  const words = ['river', 'water', 'school', 'rain', 'bread', 'street', 'day']
  const long = Array.from(
    { length: 20_000 },
    (_, i) => `${words[i % 7]} ${words[(i * i) % 5]} number ${i}.`,
  )
  // By the processor's time: on a busy machine that of the clock says little.
  const spent = () => process.cpuUsage().user / 1000
  let [last, worst] = [spent(), 0]
  const timer = setInterval(() => {
    const now = spent()
    worst = Math.max(worst, now - last)
    last = now
  }, 1)
  for (const document of [long, long.join(' ')])
    for (const method of ['textrank', 'lexrank', 'tfidf'] as const)
      await summarize([document], { method, sentences: 5 })
  clearInterval(timer)
  t.log(`longest ${worst.toFixed(0)} ms`)
  t.true(worst < 100, `${worst} ms`)
})

test('bad arguments are refused by name, and a signal ends the call', async (t) => {
  const refused = async (message: RegExp, ...args: unknown[]) =>
    t.throwsAsync(summarize(...(args as Parameters<typeof summarize>)), {
      code: 'ERR_ARGUMENT',
      message,
    })
  await refused(/documents/, 'a text')
  await refused(/documents\[1\]/, ['a', 5])
  await refused(/method/, ['a'], { method: 'best' })
  await refused(/sentences/, ['a'], { sentences: 0 })
  await refused(/count/, ['a'], { count: 1 })
  await t.throwsAsync(summarize(['a'], { signal: AbortSignal.abort() }), { code: 'ERR_ABORTED' })
})
