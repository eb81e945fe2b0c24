import { KeymgmtError } from '../../errors.js'
import { MANAGED_TAG, OWN_TAGS, OWN_TAG_PREFIX, type KmsKeySettings } from '../kms-key.js'
import { assertPolicyForm } from './key-policy.js'
import { isOfAws } from './tags.js'

/** The longest description that AWS accepts, in characters. */
const LONGEST_DESCRIPTION = 8192

/**
 * The most tags of one KMS key.
 * @see https://docs.aws.amazon.com/kms/latest/developerguide/tagging-keys.html
 */
const MOST_TAGS = 50

/**
 * The names and values of tags that every AWS service accepts.
 * @see https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html
 */
const TAG_NAME = /^[\p{L}\p{N} _.:/=+@-]{1,128}$/u
const TAG_VALUE = /^[\p{L}\p{N} _.:/=+@-]{0,256}$/u
const TAG_CHARACTERS = 'letters, digits, spaces and characters of _.:/=+-@'

/**
 * Checks the settings of KMS keys, without a request.
 * @throws KeymgmtError FIELD_INVALID, which names the field.
 * @see https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html
 */
export function assertSettings({ description, tags, policy }: KmsKeySettings): void {
  if (description !== undefined && description.length > LONGEST_DESCRIPTION)
    throw invalid('description', `has ${description.length} characters`, [
      `AWS accepts at most ${LONGEST_DESCRIPTION.toLocaleString('en')}`,
    ])
  if (tags) assertTags(tags)
  if (policy) assertPolicyForm(policy)
}

function assertTags(tags: Readonly<Record<string, string>>): void {
  const entries = Object.entries(tags)
  for (const [index, [name, value]] of entries.entries()) {
    const pair = `pair ${index + 1} of ${entries.length}`
    if (!TAG_NAME.test(name))
      throw invalid('tags', `has a name that AWS does not accept (${pair})`, [
        `a name has 1 to 128 ${TAG_CHARACTERS}`,
      ])
    if (isReserved(name))
      throw invalid('tags', `has a name that is reserved (${pair})`, [
        `choose a name that is not ${MANAGED_TAG} and does not begin with ${OWN_TAG_PREFIX} or aws:`,
      ])
    if (!TAG_VALUE.test(value))
      throw invalid('tags', `has a value that AWS does not accept (${pair})`, [
        `a value has at most 256 ${TAG_CHARACTERS}`,
      ])
  }
  if (entries.length > MOST_TAGS - OWN_TAGS)
    throw invalid('tags', `has ${entries.length} tags`, [
      `AWS accepts ${MOST_TAGS} tags of a KMS key, and keymgmt needs ${OWN_TAGS} of them: set at most ${MOST_TAGS - OWN_TAGS}`,
    ])
}

function isReserved(name: string): boolean {
  const lower = name.toLowerCase()
  return lower === MANAGED_TAG || lower.startsWith(OWN_TAG_PREFIX) || isOfAws(name)
}

/** Neither names nor values appear in the error: they may have come from the wrong file. */
function invalid(field: string, problem: string, hints: readonly string[]): KeymgmtError {
  return new KeymgmtError('FIELD_INVALID', `${field} ${problem}`, { hints })
}
