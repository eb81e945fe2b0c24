import type { Engine } from '../core/engine.js'
import type { Imported } from '../core/operations/import.js'
import { MATERIAL_FORMATS } from '../crypto/import/material.js'
import { KEY_TYPE_NAMES } from '../crypto/key-types.js'
import { boolean, listOf, oneOf, required, secretBytes, secretLine } from '../router/fields.js'
import { definePath, type Response } from '../router/path.js'
import { readCreated } from './created.js'
import { allowUnknownRegion, REGION } from './region.js'

const MATERIAL = {
  material: required(
    secretBytes(
      'The key: a private key as PEM, DER or JWK, or the bytes of a symmetric or HMAC key as they are, in hex, base64 or a JWK.',
    ),
  ),
  type: oneOf(
    KEY_TYPE_NAMES,
    'Type of the key; needed where the material does not tell, and checked where it does.',
    'key type',
  ),
  format: oneOf(
    MATERIAL_FORMATS,
    'Form of the material; needed where it could be read in two ways.',
  ),
  passphrase: secretLine('What opens an encrypted private key.'),
}

const NOTE =
  'The file is read and left as it is: destroy it, or keep it as safe as the store. Malformed and weak material is refused, and so is what AWS KMS would not take.'

/** WRITE keymgmt/key/:name/import */
export const keyImport = definePath<Engine>()({
  pattern: 'keymgmt/key/:name/import',
  synopsis: 'A key of your own material.',
  description: [
    'Makes a key whose first version is material that you bring.',
    '    keymgmt write keymgmt/key/app/import type=aes256-gcm96 material=@key.bin',
    '    keymgmt write keymgmt/key/web/import material=@key.pem passphrase=@pass.txt',
    '    head -c 32 /dev/urandom | keymgmt write keymgmt/key/app/import type=aes256-gcm96 material=-',
    NOTE,
  ].join('\n\n'),
  parameters: { name: 'Name of the key.' },
  operations: {
    write: {
      summary: 'Makes a key of your own material.',
      fields: {
        ...MATERIAL,
        replica_regions: listOf(
          "AWS Regions that the key can be replicated to. Can't be changed.",
          REGION,
        ),
        allow_unknown_region: allowUnknownRegion,
        deletion_allowed: boolean('Whether the key can be deleted.'),
      },
      run: async (
        engine,
        { name },
        { replica_regions, allow_unknown_region, deletion_allowed, ...own },
      ) => {
        const { importKey } = await import('../core/operations/import.js')
        const imported = await importKey(engine, name, own, {
          replicaRegions: replica_regions,
          allowUnknownRegion: allow_unknown_region,
          deletionAllowed: deletion_allowed,
        })
        return importedResponse(engine, name, imported)
      },
    },
  },
})

/** WRITE keymgmt/key/:name/import_version */
export const keyImportVersion = definePath<Engine>()({
  pattern: 'keymgmt/key/:name/import_version',
  synopsis: 'A rotation to your own material.',
  description: [
    'Adds material that you bring as the next version of a key, imports it wherever the key is distributed, and moves the aliases to it.',
    '    keymgmt write keymgmt/key/app/import_version material=@next.bin',
    NOTE,
  ].join('\n\n'),
  parameters: { name: 'Name of the key.' },
  operations: {
    write: {
      summary: 'Adds your own material as the next version, everywhere.',
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
