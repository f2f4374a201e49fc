// Writes docs/cli.md from the commands' own flags: `node scripts/cli-docs.mjs`, after a build. With --check it
// only tells, by its exit code, whether the page is up to date.
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { isNeeded } from '../dist/cli/arguments.js'
import { makeProgram } from '../dist/cli/program.js'

const page = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', 'docs', 'cli.md')

const escape = (text) => text.replaceAll('|', '\\|').replaceAll('<', '&lt;')

/** What a flag may be, and what it is unless given. */
function values(option) {
  const { argChoices, defaultValue } = option
  const parts = []
  if (argChoices) parts.push(argChoices.map((name) => `\`${name}\``).join(', '))
  if (isNeeded(option)) parts.push('needed')
  if (defaultValue !== undefined) parts.push(`default: \`${defaultValue}\``)
  return parts.join('; ')
}

/** What stands on the line without a flag. */
const given = (command) =>
  command.registeredArguments.map((argument) => ({
    ...{ required: argument.required, description: argument.description },
    name: argument.name(),
  }))

function* sections(command, names) {
  const name = [...names, command.name()]
  for (const inner of command.commands) yield* sections(inner, name)
  // What only has commands of its own does nothing by itself.
  const runs = command.commands.length === 0 || (names.length > 0 && command.options.length > 0)
  if (!runs) return
  yield `## ${name.slice(1).join(' ')}\n\n${command.description()}\n`
  for (const { required, description, name } of given(command))
    yield `\`${name}\`${required ? '' : ' (may be left out)'}: ${escape(description)}\n`
  const rows = command.options.map((option) => {
    const cells = [`\`${option.flags}\``, escape(option.description), values(option)]
    return `| ${cells.join(' | ')} |`
  })
  if (rows.length > 0) yield `| flag | what it is | values |\n|---|---|---|\n${rows.join('\n')}\n`
}

const text = [
  '# The command line',
  "<!-- Made by scripts/cli-docs.mjs from the options' schemas: change those, not this page. -->",
  '`rnnative COMMAND --help` tells the same. A wrong flag is one line on standard error and exit code 2, any\n' +
    'other failure exit code 1. Ctrl-C, a closed terminal (SIGHUP) and SIGTERM stop training with a checkpoint and end with\n' +
    '130, 129 and 143; a second one, and SIGQUIT, stop it at once. Where standard output is lost (its reader leaves, its\n' +
    'disk is full) training goes on to its end and then exits with 1; other commands end at once, with 141 where the reader\n' +
    'has left. In `--json` a number that is not finite is `null`. A file given as `-` is standard input, once.\n',
  ...sections(makeProgram(), []),
].join('\n\n')
const content = `${text.replace(/\n{3,}/g, '\n\n').trimEnd()}\n`

if (!process.argv.includes('--check')) writeFileSync(page, content)
else if (readFileSync(page, 'utf8') !== content) {
  console.error('docs/cli.md is not what the commands say: run `npm run docs:cli`')
  process.exitCode = 1
}
