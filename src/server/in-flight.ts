/** Requests that are not answered yet. */
export interface InFlight {
  track(answer: Response | Promise<Response>): Response | Promise<Response>;
  /** Resolves when there are none, at the latest after `ms`. */
  idle(ms: number): Promise<void>;
}

export function createInFlight(): InFlight {
  const answers = new Set<Promise<Response>>();
  return {
    track(answer) {
      if (answer instanceof Response) return answer;
      answers.add(answer);
      const done = () => answers.delete(answer);
      answer.then(done, done);
      return answer;
    },
    async idle(ms) {
      const timeout = Promise.withResolvers<void>();
      const timer = setTimeout(timeout.resolve, ms);
      try {
        await Promise.race([Promise.allSettled(answers), timeout.promise]);
        // The last answers have yet to reach the sockets.
        await Promise.race([Bun.sleep(ANSWER_OUT_MS), timeout.promise]);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

const ANSWER_OUT_MS = 50;
