export { LanguageModel, type LanguageFitOptions, type LanguageModelOptions } from './language-model'
export type { GenerateOptions } from './language-inference'
export type { CellName } from './language-network'
