export { evaluationWindows } from './evaluation'
export { IGNORED, TokenStreams, type Window } from './streams'
