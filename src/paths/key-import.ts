import type { Engine } from '../core/engine.js'
import type { Imported } from '../core/operations/import.js'
import { MATERIAL_FORMATS } from '../crypto/import/material.js'
import { KEY_TYPE_NAMES } from '../crypto/key-types.js'
import { boolean, listOf, oneOf, required, secretBytes, secretLine } from '../router/fields.js'
import { definePath, type Response } from '../router/path.js'
import { readCreated } from './created.js'
import { rotationPeriodField } from './rotation-period.js'
import { allowUnknownRegion, REGIONS } from './region.js'

const MATERIAL = {
  material: required(
    secretBytes(
      'The material: a private key as PEM, DER or JWK, or a symmetric or HMAC key as raw bytes, hex, base64 or JWK.',
    ),
  ),
  type: oneOf(
    KEY_TYPE_NAMES,
    'Type of the key. Required if the material does not show it, and compared if it does.',
    'key type',
  ),
  format: oneOf(
    MATERIAL_FORMATS,
    'Format of the material. Required if the material is valid in two formats.',
  ),
  passphrase: secretLine('Passphrase of an encrypted private key.'),
}

const NOTE =
  'keymgmt does not change or delete the file: destroy it, or protect it like the store. Malformed or weak material, and material that AWS KMS does not accept, is refused.'

/** WRITE keymgmt/key/:name/import */
export const keyImport = definePath<Engine>()({
  pattern: 'keymgmt/key/:name/import',
  synopsis: 'Creates a key from your own material.',
  description: [
    'Creates a key whose first version is your own material.',
    '    keymgmt write keymgmt/key/app/import type=aes256-gcm96 material=@key.bin',
    '    keymgmt write keymgmt/key/web/import material=@key.pem passphrase=@pass.txt',
    '    head -c 32 /dev/urandom | keymgmt write keymgmt/key/app/import type=aes256-gcm96 material=-',
    NOTE,
  ].join('\n\n'),
  parameters: { name: 'Name of the key.' },
  operations: {
    write: {
      summary: 'Creates a key from your own material.',
      fields: {
        ...MATERIAL,
        replica_regions: listOf(
          "AWS Regions that the key can be replicated to. Can't be changed.",
          REGIONS,
        ),
        allow_unknown_region: allowUnknownRegion,
        deletion_allowed: boolean('True if the key may be deleted.'),
        rotation_period: rotationPeriodField,
      },
      run: async (
        engine,
        { name },
        {
          replica_regions: replicaRegions,
          allow_unknown_region: allowUnknownRegion,
          deletion_allowed: deletionAllowed,
          rotation_period: rotationPeriod,
          ...own
        },
      ) => {
        const { importKey } = await import('../core/operations/import.js')
        const imported = await importKey(engine, name, own, {
          replicaRegions,
          allowUnknownRegion,
          deletionAllowed,
          rotationPeriod,
        })
        return importedResponse(engine, name, imported)
      },
    },
  },
})

/** WRITE keymgmt/key/:name/import_version */
export const keyImportVersion = definePath<Engine>()({
  pattern: 'keymgmt/key/:name/import_version',
  synopsis: 'Rotates a key to your own material.',
  description: [
    'Adds your own material as the next version of a key, imports it wherever the key is distributed, and moves the aliases to it.',
    '    keymgmt write keymgmt/key/app/import_version material=@next.bin',
    NOTE,
  ].join('\n\n'),
  parameters: { name: 'Name of the key.' },
  operations: {
    write: {
      summary: 'Adds your own material as the next version, in every distribution.',
      fields: MATERIAL,
      run: async (engine, { name }, own) => {
        const { importVersion } = await import('../core/operations/import.js')
        return importedResponse(engine, name, await importVersion(engine, name, own))
      },
    },
  },
})

async function importedResponse(
  engine: Engine,
  key: string,
  { type, format }: Imported,
): Promise<Response> {
  const { data, lines } = await readCreated(engine, key)
  return {
    created: { data: { type, format, ...data }, lines },
    warnings: [
      `Imported as ${format}, type ${type}. The source of the material still contains the key: destroy the source, or keep it as safe as the store.`,
    ],
  }
}
