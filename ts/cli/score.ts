import type { BaselineScore } from '../models'
import { printTable } from '../watch/output'

/** How well labels are told: figures of all, then a line for each label. */
export function printScore(score: BaselineScore): void {
  printTable({
    examples: score.examples,
    accuracy: score.accuracy.toFixed(4),
    'macro F1': score.macroF1.toFixed(4),
    'weighted F1': score.weightedF1.toFixed(4),
    loss: score.loss.toFixed(4),
  })
  for (const [label, { precision, recall, f1, support }] of Object.entries(score.perClass))
    process.stdout.write(
      `${label}: precision ${precision.toFixed(4)}, recall ${recall.toFixed(4)}, ` +
        `F1 ${f1.toFixed(4)}, ${support} examples\n`,
    )
}
