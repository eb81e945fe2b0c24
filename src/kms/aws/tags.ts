import {
  paginateListKeys,
  paginateListResourceTags,
  TagResourceCommand,
  UntagResourceCommand,
  type KeyListEntry,
} from '@aws-sdk/client-kms'
import { OPERATION_TAG, type KmsKey, type TaggedKmsKey, type TaggedKmsKeys } from '../kms-key.js'
import { isAwsError } from './errors.js'
import {
  boundedPages,
  entriesOf,
  keyIdIn,
  pollUntil,
  untilSettled,
  type Session,
} from './session.js'

/** Concurrent requests for the tags of KMS keys; AWS allows 2,000 a second. */
const TAG_REQUESTS = 50

/** True for a tag that AWS itself sets: nobody else can change it. */
export function isOfAws(name: string): boolean {
  return /^aws:/i.test(name)
}

/** Returns tags in AWS's form. */
export function tagList(tags: Readonly<Record<string, string>>) {
  return Object.entries(tags).map(([TagKey, TagValue]) => ({ TagKey, TagValue }))
}

export async function findByOperation(
  session: Session,
  ids: ReadonlySet<string>,
  since: Date,
): Promise<Map<string, KmsKey>> {
  const found = new Map<string, KmsKey>()
  const schedule = untilSettled(session, since)
  await pollUntil(session, schedule, async () => {
    for await (const { key, tags } of listTagged(session)) {
      const operation = tags?.[OPERATION_TAG]
      if (operation && ids.has(operation)) found.set(operation, key)
    }
    return found.size === ids.size ? found : undefined
  })
  return found
}

export async function findTagged(
  session: Session,
  name: string,
  value: string,
): Promise<TaggedKmsKeys> {
  const tagged: TaggedKmsKey[] = []
  let hidden = 0
  for await (const { key, tags } of listTagged(session)) {
    if (!tags) hidden++
    else if (tags[name] === value) tagged.push({ key, tags })
  }
  return { tagged, hidden }
}

/**
 * Returns every KMS key of the Region with its tags; the tags are undefined if the KMS key's own
 * policy hides them.
 */
async function* listTagged(
  session: Session,
): AsyncGenerator<{ readonly key: KmsKey; readonly tags: TaggedKmsKey['tags'] | undefined }> {
  for await (const entries of listKeys(session)) {
    const keys = entries.flatMap(({ KeyId, KeyArn }) =>
      KeyId && KeyArn ? [{ id: KeyId, arn: KeyArn }] : [],
    )
    const tags = await Promise.all(keys.map(({ id }) => visibleTagsOf(session, id)))
    for (const [index, key] of keys.entries()) yield { key, tags: tags[index] }
  }
}

async function* listKeys({ client }: Session): AsyncGenerator<readonly KeyListEntry[]> {
  for await (const page of boundedPages(
    'ListKeys',
    paginateListKeys({ client }, { Limit: 1000 }),
  )) {
    const keys = entriesOf(page.Keys)
    for (let index = 0; index < keys.length; index += TAG_REQUESTS)
      yield keys.slice(index, index + TAG_REQUESTS)
  }
}

async function visibleTagsOf(
  session: Session,
  id: string,
): Promise<Record<string, string> | undefined> {
  try {
    return await tagsOf(session, id)
  } catch (error) {
    // Skip a KMS key whose own policy denies access, or that was deleted meanwhile: keymgmt cannot
    // have just created it. But if the caller may not list tags at all, the search proves nothing.
    if (isAwsError(error, 'NotFoundException')) return {}
    if (
      isAwsError(error, 'AccessDeniedException') &&
      error.message.includes('resource-based policy')
    )
      return undefined
    throw error
  }
}

/** Returns the tags of the KMS key with this id or ARN, without those that AWS itself sets. */
export async function tagsOf({ client }: Session, KeyId: string): Promise<Record<string, string>> {
  const tags: [string, string][] = []
  const pages = paginateListResourceTags({ client }, { KeyId })
  for await (const page of boundedPages('ListResourceTags', pages)) {
    for (const { TagKey = '', TagValue = '' } of entriesOf(page.Tags))
      if (!isOfAws(TagKey)) tags.push([TagKey, TagValue])
  }
  return Object.fromEntries(tags)
}

export async function tagKey(
  session: Session,
  key: KmsKey,
  tags: Readonly<Record<string, string>>,
): Promise<void> {
  await session.client.send(
    new TagResourceCommand({ KeyId: keyIdIn(session, key), Tags: tagList(tags) }),
  )
}

export async function untagKey(
  session: Session,
  key: KmsKey,
  names: readonly string[],
): Promise<void> {
  await session.client.send(
    new UntagResourceCommand({ KeyId: keyIdIn(session, key), TagKeys: [...names] }),
  )
}
