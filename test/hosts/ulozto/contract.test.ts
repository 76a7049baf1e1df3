import { ulozto } from "../../../src/hosts/ulozto/index.ts";
import { describeHost } from "../../contracts/host.ts";

const LARGE = 24_000_000;

const account = {
  host: ulozto,
  credentials: { user: "me@example.com", token: "cánary-/token+word & 100%", apiKey: "canary;api key/100%" },
  refused: { user: "me@example.com", token: "wrong" },
} as const;

describeHost({
  ...account,
  bytesStep: "upload",
  rows: [
    { faults: ["login=refused:2"], codes: ["host_auth"], ok: false, bodies: 0 },
    { faults: ["login=token-refused"], codes: [], ok: true, bodies: 1 },
    { faults: ["login=503"], codes: ["host_unavailable"], ok: true, bodies: 1 },
    { faults: ["login=hang"], patienceMs: 300, codes: ["timeout"], ok: true, bodies: 1 },
    { faults: ["link=session"], codes: [], ok: true, bodies: 1 },
    { faults: ["link=session:2"], codes: ["host_auth"], ok: false, bodies: 0 },
    { faults: ["link=captcha"], codes: ["captcha"], ok: false, bodies: 0 },
    { faults: ["link=429+1", "link=lost"], codes: ["rate_limited", "network"], ok: true, bodies: 1 },
    { faults: ["link=html", "link=truncated"], codes: ["host_protocol", "host_protocol"], ok: true, bodies: 1 },
    { faults: ["link=redirect"], codes: ["host_protocol"], ok: true, bodies: 1 },
    { faults: ["link=422"], codes: ["host_rejected"], ok: false, bodies: 0 },
    { faults: ["link=expired"], codes: [], ok: true, bodies: 2 },
    { faults: ["upload=expired:2"], codes: ["host_rejected"], ok: false, bodies: 2 },
    { faults: ["upload=410", "upload=lost"], codes: ["network"], ok: true, bodies: 3 },
    { faults: ["upload=reset"], size: LARGE, codes: ["network"], ok: true, bodies: 2 },
    { faults: ["upload=lost"], codes: ["network"], ok: true, bodies: 2 },
    { faults: ["upload=503"], codes: ["host_unavailable"], ok: true, bodies: 2 },
    { faults: ["upload=html", "upload=truncated"], codes: ["host_protocol", "host_protocol"], ok: true, bodies: 3 },
    { faults: ["upload=early-413"], size: LARGE, codes: ["host_rejected"], ok: false, bodies: 1 },
    { faults: ["upload=hang"], patienceMs: 300, codes: ["timeout"], ok: true, bodies: 2 },
    { faults: ["upload=stall"], patienceMs: 300, size: LARGE, codes: ["timeout"], ok: true, bodies: 2 },
    { faults: ["upload=rejected"], codes: ["host_rejected"], ok: false, bodies: 1 },
    { faults: ["upload=code-500"], codes: ["integrity"], ok: true, bodies: 2 },
    { faults: ["upload=size", "upload=md5"], codes: ["integrity", "integrity"], ok: false, bodies: 2 },
    { faults: ["upload=message"], codes: ["integrity"], ok: true, bodies: 2 },
    { faults: ["properties=503", "properties=lost"], codes: ["host_unavailable", "network"], ok: true, bodies: 1 },
    { faults: ["properties=no-folder"], codes: ["host_rejected"], ok: true, bodies: 1 },
    { faults: ["properties=422"], codes: ["host_rejected"], ok: false, bodies: 1 },
    { faults: ["commit=503", "commit=lost"], codes: ["host_unavailable", "network"], ok: true, bodies: 1 },
    { faults: ["commit=put-only"], codes: [], ok: true, bodies: 1 },
    { faults: ["commit=422"], codes: ["host_rejected"], ok: false, bodies: 1 },
  ],
});

const BLOCK = 4 * 1024 ** 2;

describeHost({
  ...account,
  way: {
    name: "in blocks",
    options: { resumable: "always" },
    verified: "size",
    bodyOf: (size) => Math.min(size, BLOCK),
  },
  bytesStep: "block",
  rows: [
    { faults: ["block-link=session"], codes: [], ok: true, bodies: 1 },
    { faults: ["block-link=captcha"], codes: ["captcha"], ok: false, bodies: 0 },
    { faults: ["block-link=503", "block-link=lost"], codes: ["host_unavailable", "network"], ok: true, bodies: 1 },
    { faults: ["block-link=404"], codes: ["host_rejected"], ok: false, bodies: 0 },
    { faults: ["block-link=html"], codes: ["host_protocol"], ok: true, bodies: 1 },
    { faults: ["block-link=html:2"], codes: ["host_protocol", "host_rejected"], ok: false, bodies: 0 },
    { faults: ["register=405"], codes: ["host_rejected"], ok: false, bodies: 0 },
    { faults: ["register=422"], codes: ["host_rejected"], ok: false, bodies: 0 },
    { faults: ["register=503", "register=lost"], codes: ["host_unavailable", "network"], ok: true, bodies: 1 },
    { faults: ["block=503:2"], codes: [], ok: true, bodies: 3 },
    { faults: ["block=503:3"], codes: ["host_unavailable"], ok: true, bodies: 4 },
    { faults: ["block=rejected", "block=unknown"], codes: [], ok: true, bodies: 3 },
    { faults: ["block=lost", "block=html"], codes: [], ok: true, bodies: 3 },
    { faults: ["block=reset"], size: BLOCK, codes: [], ok: true, bodies: 2 },
    { faults: ["block=forgotten"], codes: ["host_protocol"], ok: true, bodies: 2 },
    { faults: ["block=forgotten:9"], codes: Array(6).fill("host_protocol"), ok: false },
    { faults: ["block=hang"], patienceMs: 300, codes: [], ok: true, bodies: 2 },
    { faults: ["block=stall"], patienceMs: 300, size: BLOCK, codes: [], ok: true, bodies: 2 },
    { faults: ["status=503"], codes: ["host_unavailable"], ok: true, bodies: 1 },
    { faults: ["status=truncated"], codes: ["host_protocol"], ok: true, bodies: 1 },
    { faults: ["status=nonsense:2"], codes: ["host_protocol", "host_protocol"], ok: true, bodies: 1 },
    { faults: ["status=unknown"], codes: [], ok: true, bodies: 2 },
    { faults: ["status=unknown:2"], codes: ["host_rejected"], ok: false, bodies: 2 },
    { faults: ["status=error"], codes: ["integrity"], ok: true, bodies: 2 },
    { faults: ["status=error:2"], codes: ["integrity", "integrity"], ok: false, bodies: 2 },
    { faults: ["properties=503", "properties=lost"], codes: ["host_unavailable", "network"], ok: true, bodies: 1 },
    { faults: ["commit=503", "commit=lost"], codes: ["host_unavailable", "network"], ok: true, bodies: 1 },
  ],
});
