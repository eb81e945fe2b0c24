import { expect, it } from '@jest/globals'
import type { AwsRequest } from '../../../src/kms/aws/middleware.js'
import { Prices } from '../../../src/kms/aws/prices.js'

const request = (operation: AwsRequest['operation'], region = 'us-west-1'): AwsRequest => ({
  operation,
  region,
  input: { KeyId: 'arn:aws:kms:us-west-1:111122223333:key/mrk-1' },
})
const rotated = (count: number) => ({
  Rotations: [{}, ...Array.from({ length: count }, () => ({ RotationDate: new Date() }))],
})

it('a KMS key costs a dollar, and each of its first two rotations another one', () => {
  const prices = new Prices()
  expect(prices.of({ ...request('CreateKey'), input: { Description: 'new' } })).toBe(1)
  const costs = [1, 2, 3, 4].map(() => {
    prices.of(request('ImportKeyMaterial'))
    return prices.of(request('RotateKeyOnDemand'))
  })
  expect(costs).toEqual([1, 1, 0, 0])
  expect(prices.of(request('ReplicateKey'))).toBe(3)
  expect(prices.of(request('ScheduleKeyDeletion'))).toBe(-3)
  expect(prices.of(request('CancelKeyDeletion'))).toBe(3)
})

it('a rotation counts in every Region that has the KMS key', () => {
  const prices = new Prices()
  for (const region of ['us-west-1', 'us-east-1', 'eu-west-1'])
    prices.of(request('ImportKeyMaterial', region))
  expect(prices.of(request('RotateKeyOnDemand'))).toBe(3)
})

it('rotations by others count, because AWS lists them', () => {
  for (const [count, cost] of [
    [0, 1],
    [1, 1],
    [2, 0],
    [25, 0],
  ] as const) {
    const prices = new Prices()
    prices.learn(request('ListKeyRotations'), rotated(count))
    expect(prices.of(request('RotateKeyOnDemand'))).toBe(cost)
  }
})

it('all other requests are free', () => {
  const prices = new Prices()
  for (const operation of [
    'DisableKey',
    'UpdateAlias',
    'TagResource',
    'RotateKeyOnDemand',
  ] as const)
    expect(prices.of(request(operation))).toBe(operation === 'RotateKeyOnDemand' ? 1 : 0)
})
