// Replaces @jest/globals in mutation testing: Jest's own expect, each and spies, run by Mocha.
// Mocha loads the tests once, and runs some of them for each mutant. Jest reloads everything for
// each mutant, which takes ten times as long.
import { bind } from 'jest-each'
import { ModuleMocker } from 'jest-mock'

export { expect } from 'expect'
/** Jest's spies. */
export const jest = new ModuleMocker(globalThis)

/** Mocha sets its global functions anew for each file, so they are looked up at each call. */
const mocha =
  (name) =>
  (...args) =>
    globalThis[name](...args)

export const [beforeAll, afterAll, beforeEach, afterEach] = [
  'before',
  'after',
  'beforeEach',
  'afterEach',
].map(mocha)
export const describe = Object.assign(mocha('describe'), { each: bind(mocha('describe'), false) })
const one = (title, run) => {
  globalThis.it(title, run).timeout(60_000)
}
export const it = Object.assign(one, { each: bind(one, false) })
export const test = it
