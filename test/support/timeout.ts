import { setDefaultTimeout } from "bun:test";

/** Tests run side by side on two cores, many of them with processes of their own; bunfig.toml cannot set this. */
setDefaultTimeout(20_000);
