/** The namespace `ops`, and what other folders need besides. */
export * from './public'
export { MOST_TAGS } from './crf'
export { checkDropout } from './layers'
export { gatesOf, hasC, suffixOf } from './recurrent'
