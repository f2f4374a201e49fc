// Run by scripts/test-package.sh in a folder where the packed package is installed: trains a tiny language model.
const assert = require('node:assert/strict')
const { LanguageModel, Tokenizer } = require('rnnative')

async function main() {
  const text = 'the quick brown fox jumps over the lazy dog. '.repeat(40)
  const tokenizer = Tokenizer.characters(text)
  const model = new LanguageModel({ tokenizer, layers: 1, hidden: 16, seed: 1 })
  const before = (await model.evaluate(text)).nats
  await model.fit(text, { batch: 4, steps: 20, epochs: 2 })
  const after = (await model.evaluate(text)).nats
  assert(after < before, `training did not lower the loss: ${before} -> ${after}`)
  let generated = ''
  for await (const piece of model.generate('the', { length: 10, seed: 1 })) generated += piece
  assert.equal(generated.length, 10)
  console.log(`require: nats ${before.toFixed(3)} -> ${after.toFixed(3)}`)
}

main()
