/** The namespace `ops`, and what other folders need besides. */
export * from './public'
export { checkDropout } from './layers'
export { gatesOf, hasC, suffixOf } from './recurrent'
