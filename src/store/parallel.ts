/** Requests that are sent at the same time for many records. */
const LIMIT = 32

/**
 * Runs `work` on each item, on up to 32 at the same time. After a failure it starts no more, and
 * throws the first error when all that were started have ended.
 */
export async function inParallel<T>(
  items: readonly T[],
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  const errors: unknown[] = []
  let next = 0
  const worker = async () => {
    while (next < items.length && errors.length === 0) {
      try {
        await work(items[next++] as T)
      } catch (error) {
        errors.push(error)
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(LIMIT, items.length) }, worker))
  if (errors.length > 0) throw errors[0]
}
