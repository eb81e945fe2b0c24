import { describe, expect, it } from '@jest/globals'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

// Keeps text in plain English, as CONTRIBUTING.md describes. A phrase is forbidden if a reader has
// to read it twice.

const files = (folder: string, extension: string) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(extension))
    .map((name) => join(folder, name))
const SOURCES = files('src', '.ts')
const PAGES = [
  ...files('docs', '.md'),
  ...['README.md', 'SECURITY.md', 'CONTRIBUTING.md', 'RELEASING.md', 'CHANGELOG.md'],
]

/** Forbidden phrases, with a way to say the same. */
const PHRASES: readonly (readonly [RegExp, string])[] = [
  [/\bof (ours|theirs|yours)\b/i, 'our, their, your own'],
  [/\bof (AWS|keymgmt)'s[.,;:)]/, "AWS's, keymgmt's"],
  [/\b(go|goes|going|gone|went) on\b/i, 'continue, continues to work'],
  [/\bas it should be\b|\bwhat it should be\b/i, 'correct, the expected value'],
  [/\bis so already\b|\bwhat is so\b/i, 'name the state'],
  [/\b(is|are|was|were) told\b|\btells? (of|what|who|that)\b/i, 'learns; says; shows'],
  [/\bwhere none (is|are) given\b|\bunless given\b|\bnone given\b/i, 'by default; the default is'],
  [/\ba \w+ that is (none|no \w+)\b/i, 'is not a …; an invalid …'],
  [/(?<!there )\b(is|are) no (?!longer|more\b|such\b|other\b)[a-z]+/i, 'is not a …'],
  [/\b(is|are|was|were) not there\b|\bnot there yet\b/i, 'does not exist (yet)'],
  [/\bthat AWS has not\b|\bAWS has not[.,;]/, 'that AWS lacks'],
  [/\bthere (is|are) [^.;:,]{3,40} that\b/i, 'make the noun the subject'],
  [/\bin form only\b|\bas they stand\b|\bas it stands\b/i, 'unchanged'],
  [/\bthe same again\b/i, 'repeat it'],
  [/\bsuch as:/i, 'for example:'],
  [/\b(is|are|was|were) asked for\b|\basked for it\b/i, 'requested; keymgmt asks for'],
  [/\b(store|record|file|snapshot|folder|KMS key) holds\b/i, 'contains, has'],
  [/\banswers (what|when|its|nothing|with|at)\b/i, 'returns'],
  [/, for (it|they|there|nobody|nothing)\b/, 'because'],
  [/\bwhat (can|cannot|can't) be mended\b|\bmends (it|what)\b/i, 'fixes, corrects'],
  [/\bhas something else\b|\bsomething else than\b/i, 'differs from'],
  [/\bof its own making\b|\bof our own making\b/i, 'its own'],
  [/\bwhoever\b/i, 'the person who; a command that'],
  [/\bdoes the same (as|for|by)\b/i, 'say what it does'],
  [/\bidentit(y|ies) of age\b|\brecipients? of age\b/i, 'age identity, age recipient'],
  [/\banswered with(out)?\b/i, 'returned'],
  [/\bway out\b/i, 'next step'],
  [/\bthat is to (be|name|hold|become)\b/i, 'future: "a KMS key to create"'],
]

/** Text with line breaks and comment marks removed, so that a phrase can't hide in two lines. */
const flowing = (file: string) => readFileSync(file, 'utf8').replace(/\n\s*(\/\/|\*|\|)?\s*/g, ' ')

describe('forbidden phrases', () => {
  it.each(PHRASES)('%s: write %s', (phrase) => {
    const found = [...SOURCES, ...PAGES].flatMap((file) =>
      [...flowing(file).matchAll(new RegExp(phrase, `${phrase.flags}g`))].map(
        ({ 0: text, index }) =>
          `${file}: …${flowing(file).slice(Math.max(0, index - 50), index + text.length + 30)}…`,
      ),
    )
    expect(found).toEqual([])
  })
})

describe('comments', () => {
  it('begin with a verb or a noun: fewer than 5 % begin with a question word', () => {
    const comments = SOURCES.flatMap((file) => [
      ...readFileSync(file, 'utf8').matchAll(/\/\*\*\s*(?:\*\s*)?(\w+)|(?:^|\n)\s*\/\/ (\w+)/g),
    ]).map(([, block, line]) => block ?? line ?? '')
    const questions = comments.filter((word) => /^(What|Whether|How|Where|Who)$/.test(word))
    expect(comments.length).toBeGreaterThan(500)
    expect(questions.length / comments.length).toBeLessThan(0.05)
  })
})
