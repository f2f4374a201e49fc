// The recipe of Keras's tutorial on texts: embedding, BiLSTM that attends to itself, mean and
// maximum pooling, dropout, softmax.  node examples/classify.mjs FILE.csv [TEXT...]
import { readLabelled, splitExamples, TextClassifier } from 'rnnative'
const examples = await readLabelled(process.argv[2]) // columns: label, text
const { learned, heldOut } = splitExamples(examples, 0.1, { seed: 1 })
const sizes = { embedding: 100, hidden: 64, maxLength: 200, dropout: 0.3, seed: 1 }
const layers = { selfAttention: true, pooling: ['mean', 'max'] }
const classifier = await TextClassifier.for(learned, { unit: 'word', ...sizes, ...layers })
const history = []
for await (const event of classifier.fit(learned, { batch: 32, epochs: 10, validation: 0.2 }))
  if (event.validation) history.push(event)
for (const { epoch, loss, validation } of history) console.log(epoch, loss, validation)
const { accuracy, macroF1 } = await classifier.evaluate(heldOut)
console.log(JSON.stringify({ accuracy, macroF1 }))
for (const made of await classifier.predict(process.argv.slice(3)))
  console.log(JSON.stringify(made))
