import { isListOf, optionsOf } from '../../check'
import type { Source } from '../../data'
import type { EnsembleOptions } from '../../decode'
import { ENSEMBLE_NAMES } from '../../decode/ensemble'
import { expect } from '../../errors'
import { sameTokens } from '../../text/tokenizer'
import type { Translation } from './candidate'
import { Seq2Seq } from './model'
import { sampleAll, translateAll } from './translate'
import type { SampleTextOptions, TranslateOptions } from './translate'

/**
 * Several models that decide about each token together: their target tokenizers must agree, while
 * sources may be read each in its own way. The models stay the caller's. Attention is there only where
 * all read a source alike. Throws `ERR_ARGUMENT`, naming it, for what does not fit.
 */
export class Seq2SeqEnsemble {
  constructor(
    /** The members. */
    readonly models: readonly Seq2Seq[],
    /** Their weights. */
    readonly options: EnsembleOptions = {},
  ) {
    optionsOf('ensemble', options, ENSEMBLE_NAMES)
    const all = isListOf(models, (model) => model instanceof Seq2Seq)
    expect('ensemble', 'models', all && models.length > 0, 'at least one Seq2Seq', models)
    const first = models[0] as Seq2Seq
    models.forEach(({ target }, i) => {
      const same = sameTokens(target, first.target)
      expect('ensemble', `models[${i}]`, same, 'the target tokens of the first', 'others')
    })
  }

  /** As {@link Seq2Seq.translate}. */
  translate(texts: readonly Source[], options: TranslateOptions = {}): Promise<Translation[]> {
    return translateAll(this.models, texts, options, this.options)
  }

  /** As {@link Seq2Seq.sample}. */
  sample(texts: readonly Source[], options: SampleTextOptions = {}): Promise<Translation[]> {
    return sampleAll(this.models, texts, options, this.options)
  }
}
