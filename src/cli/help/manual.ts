import type { Example, KeymgmtCommand } from '../commands/command.js'
import { flagForm, flagUsage, usage } from './command-help.js'
import { TOPICS, type Topic } from './topics.js'

/** Returns the manual page (section 1, macros of man(7)), which contains all help. */
export function manual(program: KeymgmtCommand, version: string): string {
  return [
    `.TH KEYMGMT 1 "" "keymgmt ${version}" "User Commands"`,
    '.ad l',
    '.SH NAME',
    'keymgmt \\- the key\\-management workflow of HashiCorp Vault Enterprise for AWS KMS, without a Vault server',
    '.SH SYNOPSIS',
    ...program.runnable.map(
      (command) => `.B ${escape(command.fullName)}\n${escape(usage(command).trim())}\n.br`,
    ),
    '.SH DESCRIPTION',
    paragraph(
      "keymgmt creates keys, keeps the originals in a sealed store, distributes copies to AWS KMS, rotates them, and removes them. The verbs, paths and key=value grammar are Vault's.",
    ),
    '.SH COMMANDS',
    ...program.commands.flatMap(({ all }) => all).map(section),
    ...TOPICS.map(topic),
    '.SH SEE ALSO',
    '.BR aws (1)',
    '',
  ].join('\n')
}

function section(command: KeymgmtCommand): string {
  return [
    `.SS ${escape(command.fullName.replace('keymgmt ', ''))}`,
    paragraph(`${command.summary()}.`),
    paragraph(command.description()),
    ...command.examples.map(example),
    ...command.options.map((option) => tagged(flagForm(option), flagUsage(option))),
  ].join('\n')
}

function topic({ name, summary, examples, sections }: Topic): string {
  const body = sections().map((section) =>
    typeof section === 'string'
      ? paragraph(section)
      : section.map(([term, meaning]) => tagged(term, meaning)).join('\n'),
  )
  return [
    `.SH ${escape(name.toUpperCase())}`,
    paragraph(`${summary}.`),
    ...examples.map(example),
    ...body,
  ].join('\n')
}

function paragraph(text: string): string {
  return `.PP\n${escape(text)}`
}

function tagged(term: string, meaning: string): string {
  return `.TP\n.B ${escape(term)}\n${escape(meaning)}`
}

function example({ does, line }: Example): string {
  return `.PP\n${escape(does)}:\n.RS 4\n.nf\n${escape(line)}\n.fi\n.RE`
}

/** Escapes text for roff, so that no line is a request, and dashes and quotes can be copied. */
function escape(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll("'", '\\(aq')
    .replace(/^(?=\.)/gm, '\\&')
}
