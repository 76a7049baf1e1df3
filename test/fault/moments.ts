import type { World } from "../e2e/kit/world.ts";
import { gate } from "../e2e/stand-in/fault.ts";

const LARGE = 48_000_000;

/** A moment of an upload at which the process is stopped, held there by the host. */
export interface Moment {
  readonly name: string;
  readonly host: "uploadgig" | "ulozto";
  readonly size: number;
  /** Plants the hold; the promise resolves when the upload stands there. */
  hold(w: World): Promise<void>;
  /** The host may have the whole body. */
  readonly finishing?: boolean;
  /** The body is on the host: it must not be sent again. */
  readonly stored?: boolean;
}

export const MOMENTS: readonly Moment[] = [
  {
    name: "UploadGig, asking for the action",
    host: "uploadgig",
    size: 1000,
    hold(w) {
      const held = gate();
      w.gig.fault("action", { gate: held, gateAt: "end" });
      return held.reached;
    },
  },
  {
    name: "UploadGig, in the middle of the body",
    host: "uploadgig",
    size: LARGE,
    hold(w) {
      const held = gate();
      w.gig.fault("body", { gate: held, gateAt: 1_000_000 });
      return held.reached;
    },
  },
  {
    name: "UploadGig, after the last byte",
    host: "uploadgig",
    size: 1000,
    finishing: true,
    hold(w) {
      const held = gate();
      w.gig.fault("body", { gate: held, gateAt: "answer" });
      return held.reached;
    },
  },
  {
    name: "Ulož.to, in the login",
    host: "ulozto",
    size: 1000,
    hold(w) {
      const held = gate();
      w.ulozto.fault("login-token", { gate: held, gateAt: "end" });
      return held.reached;
    },
  },
  {
    name: "Ulož.to, asking for the link",
    host: "ulozto",
    size: 1000,
    hold(w) {
      const held = gate();
      w.ulozto.fault("link", { gate: held, gateAt: "answer" });
      return held.reached;
    },
  },
  {
    name: "Ulož.to, in the middle of the body",
    host: "ulozto",
    size: LARGE,
    hold(w) {
      const held = gate();
      w.ulozto.fault("upload", { gate: held, gateAt: 1_000_000 });
      return held.reached;
    },
  },
  {
    name: "Ulož.to, after the last byte",
    host: "ulozto",
    size: 1000,
    finishing: true,
    hold(w) {
      const held = gate();
      w.ulozto.fault("upload", { gate: held, gateAt: "answer" });
      return held.reached;
    },
  },
  {
    name: "Ulož.to, setting the properties",
    host: "ulozto",
    size: 1000,
    stored: true,
    hold(w) {
      const held = gate();
      w.ulozto.fault("properties", { gate: held, gateAt: "end" });
      w.ulozto.fault("property", { gate: held, gateAt: "end" });
      return held.reached;
    },
  },
  {
    name: "Ulož.to, committing, before the host has done it",
    host: "ulozto",
    size: 1000,
    stored: true,
    hold(w) {
      const held = gate();
      w.ulozto.fault("commit", { gate: held, gateAt: "end" });
      return held.reached;
    },
  },
  {
    name: "Ulož.to, committing, after the host has done it",
    host: "ulozto",
    size: 1000,
    stored: true,
    hold(w) {
      const held = gate();
      w.ulozto.fault("commit", { gate: held, gateAt: "answer" });
      return held.reached;
    },
  },
];
