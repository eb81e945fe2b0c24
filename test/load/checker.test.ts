import { expect, it } from '@jest/globals'
import { findProblems, type Operation } from './checker.js'

/** An append of `appended` from `invoked` to `acknowledged`. */
const append = (appended: string, invoked: number, acknowledged?: number): Operation => ({
  writer: 'a',
  object: 'list',
  appended,
  invoked,
  acknowledged,
})
/** A read, at one moment. */
const read = (at: number, revision: number, ...values: readonly string[]): Operation => ({
  writer: 'r',
  object: 'list',
  invoked: at,
  acknowledged: at,
  read: { revision, values },
})

it.each<[string, readonly Operation[]]>([
  ['appends one after the other', [append('x', 1, 2), append('y', 3, 4), read(5, 2, 'x', 'y')]],
  ['appends at the same time', [append('x', 1, 4), append('y', 2, 3), read(5, 2, 'y', 'x')]],
  [
    'a read that sees an append before its end',
    [append('x', 1, 4), read(2, 1, 'x'), read(5, 1, 'x')],
  ],
  ['a read during an append', [append('x', 1, 4), read(2, 0), read(5, 1, 'x')]],
  ['an append without a reply that happened', [append('x', 1), read(5, 1, 'x')]],
  ['an append without a reply that did not happen', [append('x', 1), read(5, 0)]],
  [
    'objects that have nothing to do with each other',
    [
      append('x', 1, 2),
      read(3, 1, 'x'),
      { ...append('x', 1, 2), object: 'other' },
      { ...read(3, 1, 'x'), object: 'other' },
    ],
  ],
])('accepts %s', (_name, history) => {
  expect(findProblems(history)).toEqual([])
})

it.each<[string, readonly Operation[], string]>([
  [
    'a lost update',
    [append('x', 1, 2), append('y', 3, 4), read(5, 2, 'y')],
    'list: x of a is lost in revision 2, which r read',
  ],
  [
    'a read of an old state',
    [append('x', 1, 2), read(3, 0), read(5, 1, 'x')],
    'list: x of a is lost in revision 0, which r read',
  ],
  [
    'a value that exists twice',
    [append('x', 1, 2), read(5, 2, 'x', 'x')],
    'list: x exists twice in revision 2, which r read',
  ],
  [
    'an acknowledgement for two',
    [append('1', 1, 2), append('1', 1, 2), read(5, 1, '1')],
    'list: 1 was acknowledged twice',
  ],
  [
    'a value that disappears',
    [append('x', 1), read(2, 1, 'x'), read(5, 2)],
    "list: values disappear or move from r's read to r's",
  ],
  [
    'a value that moves',
    [append('x', 1), append('y', 1), read(2, 2, 'x', 'y'), read(5, 3, 'y', 'x')],
    "list: values disappear or move from r's read to r's",
  ],
  [
    'a revision that falls',
    [append('x', 1, 2), read(3, 2, 'x'), read(5, 1, 'x')],
    "list: the revision falls from 2 to 1 from r's read to r's",
  ],
  [
    'a history without a last read',
    [read(1, 0), append('x', 2, 3)],
    'list: nobody read it at the end',
  ],
])('refuses %s', (_name, history, problem) => {
  expect(findProblems(history)).toContain(problem)
})
