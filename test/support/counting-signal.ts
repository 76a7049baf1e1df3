/** A signal that tells how many listeners are on it. */
export function countingSignal() {
  const controller = new AbortController();
  const { signal } = controller;
  let count = 0;
  let most = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = ((...args: Parameters<typeof add>) => {
    count += 1;
    most = Math.max(most, count);
    add(...args);
  }) as typeof add;
  signal.removeEventListener = ((...args: Parameters<typeof remove>) => {
    count -= 1;
    remove(...args);
  }) as typeof remove;
  return { controller, signal, listeners: () => count, mostListeners: () => most };
}
