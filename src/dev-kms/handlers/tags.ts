import { AwsError } from '../errors.js'
import { openKey } from '../find.js'
import type { Handlers } from '../handler.js'
import type { Input, Tag } from '../input.js'
import { page } from '../paging.js'
import type { Key } from '../state.js'

const TAGS_PER_KEY = 50
const DEFAULT_LIMIT = 50

/**
 * Reads the tags in a request.
 * @throws AwsError TagException for a duplicate, a reserved prefix or too many tags
 */
export function readTags(input: Input): Map<string, string> {
  const tags = input.tags()
  const names = tags.map(({ TagKey }) => TagKey)
  assertNotReserved(names)
  if (new Set(names).size < names.length) throw new AwsError('TagException', 'Duplicate tag keys')
  return withinLimit(new Map(tags.map(({ TagKey, TagValue }) => [TagKey, TagValue])))
}

function assertNotReserved(names: readonly string[]): void {
  if (names.some((name) => /^aws:/i.test(name)))
    throw new AwsError('TagException', 'Tags beginning with aws: are reserved')
}

function withinLimit(tags: Map<string, string>): Map<string, string> {
  if (tags.size > TAGS_PER_KEY) throw new AwsError('TagException', 'Too many tags')
  return tags
}

/** A key's tags in AWS's JSON. */
export function tagList(key: Key): Tag[] {
  return [...key.tags].map(([TagKey, TagValue]) => ({ TagKey, TagValue }))
}

/** Tags. */
export const tagHandlers: Handlers = {
  TagResource: (context, input) => {
    const key = openKey(context, input.required('KeyId'))
    key.tags = withinLimit(new Map([...key.tags, ...readTags(input)]))
    return {}
  },
  UntagResource: (context, input) => {
    const key = openKey(context, input.required('KeyId'))
    const names = input.texts('TagKeys')
    assertNotReserved(names)
    for (const name of names) key.tags.delete(name)
    return {}
  },
  ListResourceTags: (context, input) => {
    const key = openKey(context, input.required('KeyId'))
    const { items, rest } = page(
      context,
      input,
      tagList(key),
      DEFAULT_LIMIT,
      ({ TagKey }) => TagKey,
    )
    return { Tags: items, ...rest }
  },
}
