import { uploadgig } from "../../../src/hosts/uploadgig/index.ts";
import { describeHost } from "../../contracts/host.ts";

const LARGE = 16_000_000;

describeHost({
  host: uploadgig,
  credentials: { user: "me@example.com", password: "cánary-/pass+word & 100%" },
  refused: { user: "me@example.com", password: "wrong" },
  bytesStep: "upload",
  rows: [
    { faults: ["action=auth"], codes: ["host_auth"], ok: false, bodies: 0 },
    { faults: ["action=limit"], codes: ["rate_limited"], ok: true, bodies: 1 },
    { faults: ["action=429+1"], codes: ["rate_limited"], ok: true, bodies: 1 },
    { faults: ["action=503:2"], codes: ["host_unavailable", "host_unavailable"], ok: true, bodies: 1 },
    { faults: ["action=reset", "action=html"], codes: ["network", "host_protocol"], ok: true, bodies: 1 },
    { faults: ["action=truncated", "action=lost"], codes: ["host_protocol", "network"], ok: true, bodies: 1 },
    {
      faults: ["action=500:*"],
      codes: ["host_unavailable", "host_unavailable", "host_unavailable"],
      ok: false,
      bodies: 0,
    },
    { faults: ["action=redirect:3"], codes: [], ok: true },
    { faults: ["action=redirect:*"], codes: ["host_protocol"], ok: false, bodies: 0 },
    { faults: ["action=small"], size: 1_048_577, codes: ["host_quota"], ok: false, bodies: 0 },
    { faults: ["action=small"], size: 1_048_576, codes: [], ok: true, bodies: 1 },
    { faults: ["action=locked"], codes: ["host_rejected"], ok: false, bodies: 0 },
    { faults: ["upload=identity:2"], codes: ["host_unavailable", "host_unavailable"], ok: true, bodies: 3 },
    {
      faults: ["upload=identity:3"],
      codes: ["host_unavailable", "host_unavailable", "host_unavailable"],
      ok: false,
      bodies: 3,
    },
    { faults: ["upload=reset"], size: LARGE, codes: ["network"], ok: true, bodies: 2 },
    { faults: ["upload=early-503"], size: LARGE, codes: ["host_unavailable"], ok: true, bodies: 2 },
    { faults: ["upload=early-413"], size: LARGE, codes: ["host_rejected"], ok: false, bodies: 1 },
    { faults: ["upload=403"], codes: ["host_rejected"], ok: false, bodies: 1 },
    { faults: ["upload=lost"], codes: ["outcome_unknown"], ok: false, bodies: 1 },
    { faults: ["upload=503"], codes: ["outcome_unknown"], ok: false, bodies: 1 },
    { faults: ["upload=html"], codes: ["outcome_unknown"], ok: false, bodies: 1 },
    { faults: ["upload=truncated"], codes: ["outcome_unknown"], ok: false, bodies: 1 },
    { faults: ["upload=no-ok"], codes: ["outcome_unknown"], ok: false, bodies: 1 },
    { faults: ["upload=no-url"], codes: ["outcome_unknown"], ok: false, bodies: 1 },
    { faults: ["upload=hang"], patienceMs: 400, codes: ["outcome_unknown"], ok: false, bodies: 1 },
    { faults: ["upload=stall"], patienceMs: 800, size: LARGE, codes: ["timeout"], ok: true, bodies: 2 },
    { faults: ["upload=rejected"], codes: ["host_rejected"], ok: false, bodies: 1 },
    { faults: ["upload=wrong-size"], codes: ["integrity"], ok: false, bodies: 1 },
    { faults: ["upload=429"], codes: ["rate_limited"], ok: true, bodies: 2 },
  ],
});
