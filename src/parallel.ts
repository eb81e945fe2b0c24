/** Enough to hide the network's latency, and few enough to bound memory and connections. */
const AT_ONCE = 32

/**
 * Runs `work` for each item, at most 32 at the same time, and returns the results in the order of
 * the items. Starts nothing more after an error, waits for the work that is under way, and then
 * throws the first error.
 */
export async function inParallel<T, R>(
  items: Iterable<T>,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = []
  const errors: unknown[] = []
  const waiting = [...items].entries()
  const worker = async (): Promise<void> => {
    for (const [index, item] of waiting) {
      if (errors.length > 0) return
      try {
        results[index] = await work(item)
      } catch (error) {
        errors.push(error)
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  if (errors.length > 0) throw errors[0]
  return results
}
