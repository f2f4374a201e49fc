export { languageScore, type LanguageScore } from './language'
