// What tests import from @jest/globals, for mutation testing: Jest's own expect, each and spies
// over Mocha, which loads tests once and then runs some of them for each mutant. Jest loads all of
// it anew each time, which takes ten times as long.
import { bind } from 'jest-each'
import { ModuleMocker } from 'jest-mock'

export { expect } from 'expect'
/** Its spies. */
export const jest = new ModuleMocker(globalThis)

/** Mocha's functions are global, and others for each file. */
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
