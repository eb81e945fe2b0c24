import { describe, expect, it } from '@jest/globals'
import { readFileSync } from 'node:fs'
import { isRegion, partitionOf as embeddedPartition } from '../../../src/dev-kms/arn.js'
import { KeymgmtError } from '../../../src/errors.js'
import { KNOWN_REGIONS, partitionOf } from '../../../src/aws/partition.js'
import { assertRegions } from '../../../src/kms/aws/regions.js'
import { REGION_PATTERN } from '../../../src/aws/region.js'

const SDK_PARTITIONS =
  'node_modules/@aws-sdk/core/dist-es/submodules/client/util-endpoints/lib/aws/partitions.js'

interface SdkPartition {
  readonly id: string
  readonly regionRegex: string
  readonly regions: Readonly<Record<string, unknown>>
}

/** The AWS SDK's own table, without its names for all Regions of a partition. */
const sdk = (
  JSON.parse(readFileSync(SDK_PARTITIONS, 'utf8').replace(/^export const \w+ = |;\s*$/g, '')) as {
    partitions: SdkPartition[]
  }
).partitions.map(({ id, regionRegex, regions }) => ({
  id,
  regionRegex: new RegExp(regionRegex),
  regions: Object.keys(regions).filter((name) => !name.endsWith('-global')),
}))

/** The hints of a refusal, after its message; undefined if the Regions are accepted. */
function refusal(regions: readonly string[], allowUnknown = false): readonly string[] | undefined {
  try {
    assertRegions('replica_regions', regions, allowUnknown)
    return undefined
  } catch (error) {
    if (!(error instanceof KeymgmtError) || error.code !== 'FIELD_INVALID') throw error
    return [error.message, ...error.hints]
  }
}

describe('the Regions', () => {
  it("are the AWS SDK's", () => {
    expect([...KNOWN_REGIONS].sort()).toEqual(sdk.flatMap(({ regions }) => regions).sort())
    expect(KNOWN_REGIONS.filter((region) => !REGION_PATTERN.test(region))).toEqual([])
  })

  it("have the AWS SDK's partitions, unknown ones too", () => {
    const unknown = ['us-new-1', 'cn-new-9', 'us-gov-new-1', 'us-isob-new-1', 'eu-isoe-new-1']
    for (const region of [...KNOWN_REGIONS, ...unknown])
      expect([region, partitionOf(region)]).toEqual([
        region,
        sdk.find(({ regionRegex }) => regionRegex.test(region))?.id,
      ])
    expect(partitionOf('xx-new-1')).toBe('aws')
  })

  it("are the Regions in the embedded KMS's separate table", () => {
    for (const region of KNOWN_REGIONS)
      expect([region, isRegion(region), embeddedPartition(region)]).toEqual([
        region,
        true,
        partitionOf(region),
      ])
  })

  it.each([[], ['us-west-1'], ['us-east-1', 'af-south-1'], ['cn-north-1', 'cn-northwest-1']])(
    'can be %j %j',
    (...regions) => {
      expect(refusal(regions)).toBeUndefined()
    },
  )

  it.each([
    ['us-wets-1', 'us-west-1'],
    ['eu-centrl-1', 'eu-central-1'],
    ['ap-southeast-9', 'ap-southeast-1'],
    ['us-gov-est-1', 'us-gov-east-1'],
  ])('are not %s, and the refusal names %s', (unknown, meant) => {
    expect(refusal(['eu-west-1', unknown])).toEqual([
      `field "replica_regions": "${unknown}" is not a Region that keymgmt knows`,
      expect.stringContaining(`"${meant}"`),
      'if it is a new Region of AWS, add allow_unknown_region=true',
    ])
    expect(refusal([unknown], true)).toBeUndefined()
  })

  it.each(['', 'us-west', 'US-WEST-1', 'us-west-1 ', '../us-west-1', `us-${'x'.repeat(40)}-1`])(
    'never have the form %j',
    (malformed) => {
      expect(refusal([malformed], true)).toEqual([
        'field "replica_regions": a Region has the wrong form',
        'a Region looks like us-west-1',
      ])
    },
  )

  it('are of one partition', () => {
    expect(refusal(['us-east-1', 'cn-north-1'], true)?.[0]).toBe(
      'field "replica_regions": us-east-1 and cn-north-1 are in different partitions of AWS',
    )
  })
})
