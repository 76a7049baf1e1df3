import { pause } from "../core/pause.ts";
import type { Clock } from "./world.ts";

export const systemClock: Clock = { now: () => Date.now(), sleep: pause };
