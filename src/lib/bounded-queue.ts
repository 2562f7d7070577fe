/** First in, first out, never longer than `capacity`: what does not fit is refused and counted. */
export class BoundedQueue<T> {
  readonly capacity: number;
  #items: T[] = [];
  #head = 0;
  #dropped = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get length(): number {
    return this.#items.length - this.#head;
  }

  /** How many items were refused since the start. */
  get dropped(): number {
    return this.#dropped;
  }

  /** False when the queue is full; the item is then counted as dropped. */
  push(item: T): boolean {
    if (this.length >= this.capacity) {
      this.#dropped += 1;
      return false;
    }
    this.#items.push(item);
    return true;
  }

  shift(): T | undefined {
    if (this.length === 0) return undefined;
    const item = this.#items[this.#head];
    this.#head += 1;
    if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }
}
