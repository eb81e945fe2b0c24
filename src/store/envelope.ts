import { KeymgmtError } from '../errors.js'

/*
 * A sealed record as a store keeps it: the format (1 byte), the revision number (8 bytes,
 * big-endian), the write id (16 bytes), and the sealed bytes. The seal authenticates the header.
 */
const FORMAT = 1
const NUMBER_OFFSET = 1
const WRITE_ID_OFFSET = 9
const HEADER_LENGTH = 25

/** A sealed record with its header. */
export interface Envelope {
  /** 1 for a new record, and one more with each put. */
  readonly revisionNumber: number
  /** 16 random bytes in hex, which identify the write that produced the record. */
  readonly writeId: string
  readonly sealed: Uint8Array
}

/** Returns the bytes of an envelope. {@link decodeEnvelope} is the inverse. */
export function encodeEnvelope({ revisionNumber, writeId, sealed }: Envelope): Uint8Array {
  const header = Buffer.alloc(HEADER_LENGTH)
  header.writeUInt8(FORMAT)
  header.writeBigUInt64BE(BigInt(revisionNumber), NUMBER_OFFSET)
  header.write(writeId, WRITE_ID_OFFSET, 'hex')
  return Buffer.concat([header, sealed])
}

/**
 * Reads an envelope. Nothing in it is authenticated yet.
 * @throws KeymgmtError STORE_VERSION for another format, STORE_CORRUPT for a damaged header.
 */
export function decodeEnvelope(path: string, bytes: Uint8Array): Envelope {
  const header = Buffer.from(bytes.subarray(0, HEADER_LENGTH))
  const format = header[0]
  if (format !== undefined && format !== FORMAT) {
    throw new KeymgmtError(
      'STORE_VERSION',
      `the sealed record ${path} has format ${format}; this version of keymgmt reads only format ${FORMAT}`,
      { hints: ['use the version of keymgmt that wrote the record; nothing was changed'] },
    )
  }
  const revisionNumber =
    header.length === HEADER_LENGTH ? Number(header.readBigUInt64BE(NUMBER_OFFSET)) : 0
  if (revisionNumber < 1 || !Number.isSafeInteger(revisionNumber)) {
    throw new KeymgmtError('STORE_CORRUPT', `the sealed record ${path} has a damaged header`, {
      hints: ['restore the record from a backup; nothing was changed'],
    })
  }
  return {
    revisionNumber,
    writeId: header.toString('hex', WRITE_ID_OFFSET),
    sealed: bytes.subarray(HEADER_LENGTH),
  }
}
